//! `POST im/v1/files` and `POST im/v1/images`.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::super::call::{Call, Payload};
use super::super::loose;
use super::super::rest::Rest;
use super::body::vital;
use crate::error::Result;

/// Some stacks break on other letters in a part's own file name; the real one is a field of its own.
const DUMMY_NAME: &str = "upload";

#[derive(Deserialize)]
struct FileKey {
    #[serde(deserialize_with = "loose::needed")]
    file_key: String,
}

#[derive(Deserialize)]
struct ImageKey {
    #[serde(deserialize_with = "loose::needed")]
    image_key: String,
}

/// `file_type` is one of the platform's words; `duration` in milliseconds for audio and video.
pub async fn upload_file(
    rest: &Arc<Rest>,
    file_type: &'static str,
    name: &str,
    duration: Option<u64>,
    bytes: &Bytes,
) -> Result<String> {
    let (name, bytes, length) = (name.to_owned(), bytes.clone(), bytes.len());
    let form = move || {
        let form = Form::new().text("file_type", file_type).text("file_name", name.clone());
        let form = match duration {
            Some(duration) => form.text("duration", duration.to_string()),
            None => form,
        };
        form.part("file", part(&bytes))
    };
    let path = ["im", "v1", "files"];
    // A repeated upload leaves at most an orphan.
    let call = Call::write(&Method::POST, &path, Payload::Form(&form)).bytes(length).repeatable();
    vital::<FileKey>(rest, call, "file_key").await.map(|data| data.file_key)
}

pub async fn upload_image(rest: &Arc<Rest>, bytes: &Bytes) -> Result<String> {
    let (bytes, length) = (bytes.clone(), bytes.len());
    let form = move || Form::new().text("image_type", "message").part("image", part(&bytes));
    let path = ["im", "v1", "images"];
    let call = Call::write(&Method::POST, &path, Payload::Form(&form)).bytes(length).repeatable();
    vital::<ImageKey>(rest, call, "image_key").await.map(|data| data.image_key)
}

fn part(bytes: &Bytes) -> Part {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Part::stream_with_length(reqwest::Body::from(bytes.clone()), length).file_name(DUMMY_NAME)
}
