//! Uploads and downloads of images and files.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

use super::reply::{ApiError, Reply, data};
use super::request::{Caller, Params, need_scope};
use crate::sandbox::feishu::scopes;
use crate::sandbox::shared::{Shared, lock};
use crate::sandbox::world::World;
use crate::sandbox::world::actor::Actor;
use crate::sandbox::world::message::Message;
use crate::sandbox::world::resource::Resource;

pub const FILE_BYTES_MAX: usize = 30 * 1024 * 1024;
const IMAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
const FILE_TYPES: &[&str] = &["opus", "mp4", "pdf", "doc", "xls", "ppt", "stream"];

fn bad_parameter(why: &str) -> ApiError {
    ApiError::new(234_001, format!("Invalid request param: {why}"))
}

/// The parts of an upload that matter.
#[derive(Default)]
struct Form {
    kind: String,
    name: String,
    bytes: Option<Bytes>,
}

async fn read_form(
    form: Result<Multipart, MultipartRejection>,
    kind: &str,
    content: &str,
    limit: usize,
) -> Result<Form, ApiError> {
    let mut form = form.map_err(|_| bad_parameter("the body is not multipart/form-data"))?;
    let mut parts = Form::default();
    let too_large = || ApiError::new(234_006, "The file size exceed the max value.");
    while let Some(field) = form.next_field().await.map_err(|error| bad_parameter(&error.body_text()))? {
        let name = field.name().unwrap_or("").to_owned();
        if name == content {
            let bytes = field.bytes().await.map_err(|_| too_large())?;
            parts.bytes = Some(bytes);
        } else if name == kind {
            parts.kind = field.text().await.map_err(|error| bad_parameter(&error.body_text()))?;
        } else if name == "file_name" {
            parts.name = field.text().await.map_err(|error| bad_parameter(&error.body_text()))?;
        }
    }
    match &parts.bytes {
        None => Err(bad_parameter(&format!("{content} is required"))),
        Some(bytes) if bytes.is_empty() => Err(ApiError::new(234_010, "File's size can't be 0.")),
        Some(bytes) if bytes.len() > limit => Err(too_large()),
        Some(_) => Ok(parts),
    }
}

fn store(shared: &Shared, app: usize, resource: Resource) -> Result<String, ApiError> {
    let mut world = lock(&shared.world);
    need_scope(&world, app, scopes::UPLOAD)?;
    let full = || ApiError::new(234_042, "Hidden error: the sandbox's storage is full");
    world.store(resource).ok_or_else(full)
}

pub async fn upload_file(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    form: Result<Multipart, MultipartRejection>,
) -> Reply {
    let form = read_form(form, "file_type", "file", FILE_BYTES_MAX).await?;
    if !FILE_TYPES.contains(&form.kind.as_str()) {
        return Err(bad_parameter("file_type is unknown"));
    }
    if form.name.is_empty() {
        return Err(bad_parameter("file_name is required"));
    }
    let bytes = form.bytes.unwrap_or_default();
    let resource = Resource { owner: Actor::Bot(app), kind: form.kind, name: form.name, bytes };
    data(json!({ "file_key": store(&shared, app, resource)? }))
}

pub async fn upload_image(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    form: Result<Multipart, MultipartRejection>,
) -> Reply {
    let form = read_form(form, "image_type", "image", IMAGE_BYTES_MAX).await?;
    if !matches!(form.kind.as_str(), "message" | "avatar") {
        return Err(bad_parameter("image_type must be message or avatar"));
    }
    let bytes = form.bytes.unwrap_or_default();
    if image_type(&bytes).is_none() {
        return Err(ApiError::new(234_011, "Can't recognize the image format."));
    }
    let resource = Resource { owner: Actor::Bot(app), kind: "image".to_owned(), name: form.name, bytes };
    data(json!({ "image_key": store(&shared, app, resource)? }))
}

/// By the first bytes, as the platform does; the name says nothing.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 8] = [
        (b"\x89PNG", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"\x00\x00\x01\x00", "image/x-icon"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"RIFF", "image/webp"),
    ];
    let known = starts.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name);
    known.or_else(|| (bytes.get(4..12) == Some(b"ftypheic".as_slice())).then_some("image/heic"))
}

pub async fn download(
    State(shared): State<Arc<Shared>>,
    Caller(app): Caller,
    Path((message_id, key)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Reply {
    let world = lock(&shared.world);
    need_scope(&world, app, scopes::READ_HISTORY)?;
    let image = match params.get("type") {
        Some("image") => true,
        Some("file") => false,
        _ => return Err(bad_parameter("type must be image or file")),
    };
    let resource = in_message(&world, app, &message_id, &key)?;
    if resource.is_image() != image {
        return Err(bad_parameter("type does not match the resource"));
    }
    // Ranges work for files only.
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok()).filter(|_| !image);
    binary(&resource, range)
}

fn in_message(world: &World, app: usize, message_id: &str, key: &str) -> Result<Resource, ApiError> {
    let message = world.message_by_id(message_id).ok_or_else(|| bad_parameter("message_id is unknown"))?;
    if !world.is_member(message.chat, Actor::Bot(app)) {
        return Err(ApiError::new(234_004, "The app is not in the chat."));
    }
    if message.deleted {
        return Err(ApiError::new(230_110, "The message has been deleted."));
    }
    if matches!(message.msg_type.as_str(), "sticker" | "interactive") {
        return Err(ApiError::new(234_043, "Unsupported message type."));
    }
    let belongs = carries(world, message, key);
    let resource = world.resources.get(key).filter(|_| belongs).cloned();
    resource.ok_or_else(|| ApiError::new(234_003, "File not in msg."))
}

/// A merged forward stands for what is in it, however deep, wherever that was said.
fn carries(world: &World, message: &Message, key: &str) -> bool {
    let own = message.msg_type != "interactive" && message.resources.iter().any(|known| known == key);
    own || message
        .forwarded
        .iter()
        .filter_map(|inner| world.message(*inner))
        .any(|inner| carries(world, inner, key))
}

pub async fn own_image(State(shared): State<Arc<Shared>>, caller: Caller, Path(key): Path<String>) -> Reply {
    own(&shared, caller, &key, true)
}

pub async fn own_file(State(shared): State<Arc<Shared>>, caller: Caller, Path(key): Path<String>) -> Reply {
    own(&shared, caller, &key, false)
}

fn own(shared: &Shared, Caller(app): Caller, key: &str, image: bool) -> Reply {
    let world = lock(&shared.world);
    let resource = world.resources.get(key).filter(|resource| resource.is_image() == image);
    let resource = resource.ok_or_else(|| bad_parameter("the key is unknown"))?;
    if resource.owner != Actor::Bot(app) {
        return Err(ApiError::new(234_008, "The app is not the resource sender."));
    }
    binary(resource, None)
}

fn binary(resource: &Resource, range: Option<&str>) -> Reply {
    let kind = image_type(&resource.bytes).filter(|_| resource.is_image());
    let mut headers = HeaderMap::new();
    let mut set = |name, value: String| {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, kind.unwrap_or("application/octet-stream").to_owned());
    set(ACCEPT_RANGES, "bytes".to_owned());
    if resource.name.is_ascii() && !resource.name.is_empty() {
        set(CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", resource.name.replace('"', "")));
    }
    let total = resource.bytes.len();
    match range.and_then(|range| parse_range(range, total)) {
        None => Ok((headers, resource.bytes.clone()).into_response()),
        Some(None) => {
            headers.insert(CONTENT_RANGE, header_value(&format!("bytes */{total}")));
            Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response())
        }
        Some(Some((first, last))) => {
            headers.insert(CONTENT_RANGE, header_value(&format!("bytes {first}-{last}/{total}")));
            Ok((StatusCode::PARTIAL_CONTENT, headers, resource.bytes.slice(first..=last)).into_response())
        }
    }
}

fn header_value(text: &str) -> axum::http::HeaderValue {
    axum::http::HeaderValue::from_str(text).unwrap_or(axum::http::HeaderValue::from_static(""))
}

/// First and last byte; `Some(None)` when nothing of the range exists, `None` when it is no range at all.
fn parse_range(range: &str, total: usize) -> Option<Option<(usize, usize)>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = total.checked_sub(1);
    if first.is_empty() {
        let length: usize = last.parse().ok()?;
        return Some(end.filter(|_| length > 0).map(|end| (total.saturating_sub(length), end)));
    }
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    Some(end.filter(|end| first <= *end && first <= last).map(|end| (first, last.min(end))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_exists() {
        assert_eq!(parse_range("bytes=0-3", 10), Some(Some((0, 3))));
        assert_eq!(parse_range("bytes=8-99", 10), Some(Some((8, 9))));
        assert_eq!(parse_range("bytes=4-", 10), Some(Some((4, 9))));
        assert_eq!(parse_range("bytes=-3", 10), Some(Some((7, 9))));
        assert_eq!(parse_range("bytes=10-", 10), Some(None));
        assert_eq!(parse_range("bytes=0-3", 0), Some(None));
        assert_eq!(parse_range("lines=0-3", 10), None);
    }
}
