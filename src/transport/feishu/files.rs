//! What a file is to the platform, by its name and its first bytes.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::transport::verbs::{Upload, UploadKind};

pub const FILE_MAX: usize = 30 * 1024 * 1024;
pub const IMAGE_MAX: usize = 10 * 1024 * 1024;

/// How a file is uploaded and posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    pub kind: UploadKind,
    /// The platform's word; of no use for images.
    pub file_type: &'static str,
}

/// What an upload would be posted as.
pub fn upload_kind(upload: &Upload) -> Result<UploadKind> {
    nature(&upload.name, &upload.bytes).map(|nature| nature.kind)
}

/// Decides by the extension, and checks what the platform would refuse after the transfer.
pub fn nature(name: &str, bytes: &Bytes) -> Result<Nature> {
    if bytes.is_empty() {
        return Err(Error::validation(format!("{name} is empty")).hint("the platform takes no empty files"));
    }
    if bytes.len() > FILE_MAX {
        let size = bytes.len() / (1024 * 1024);
        return Err(Error::validation(format!("{name} is too large: {size} MiB"))
            .hint("the platform takes files of up to 30 MB"));
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let (kind, file_type) = match extension.as_deref().unwrap_or("") {
        "jpg" | "jpeg" | "png" | "webp" | "gif" | "bmp" | "ico" | "tif" | "tiff" | "heic"
            if bytes.len() <= IMAGE_MAX && is_image(bytes) =>
        {
            (UploadKind::Image, "")
        }
        "opus" => (UploadKind::Audio, "opus"),
        "mp4" => (UploadKind::Video, "mp4"),
        "pdf" => (UploadKind::File, "pdf"),
        "doc" | "docx" => (UploadKind::File, "doc"),
        "xls" | "xlsx" => (UploadKind::File, "xls"),
        "ppt" | "pptx" => (UploadKind::File, "ppt"),
        // An image too large to be one is still a file.
        _ => (UploadKind::File, "stream"),
    };
    Ok(Nature { kind, file_type })
}

/// The platform looks at the bytes; a text named `.png` would be refused.
fn is_image(bytes: &[u8]) -> bool {
    const STARTS: [&[u8]; 8] =
        [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"\x00\x00\x01\x00", b"II*\x00", b"MM\x00*", b"RIFF"];
    STARTS.iter().any(|start| bytes.starts_with(start)) || bytes.get(4..8) == Some(b"ftyp".as_slice())
}

/// Milliseconds of an audio or video, where the file tells without being decoded.
pub fn duration(kind: UploadKind, bytes: &[u8]) -> Option<u64> {
    match kind {
        UploadKind::Audio => opus_millis(bytes),
        UploadKind::Video => mp4_millis(bytes),
        UploadKind::Image | UploadKind::File => None,
    }
}

/// The last Ogg page says how many samples at 48 kHz came before its end.
fn opus_millis(bytes: &[u8]) -> Option<u64> {
    let page = bytes.windows(4).rposition(|window| window == b"OggS")?;
    let granule = bytes.get(page + 6..page + 14)?;
    let samples = u64::from_le_bytes(granule.try_into().ok()?);
    // All ones stand for "no packet ends here".
    (samples != u64::MAX).then_some(samples / 48)
}

/// `moov/mvhd` holds a time scale and a duration in it.
fn mp4_millis(bytes: &[u8]) -> Option<u64> {
    let movie = find_box(bytes, b"moov")?;
    let header = find_box(movie, b"mvhd")?;
    let u32_at = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let (scale, duration) = match header.first()? {
        0 => (u32_at(12)?, u64::from(u32_at(16)?)),
        _ => (u32_at(20)?, u64::from_be_bytes(header.get(24..32)?.try_into().ok()?)),
    };
    duration.checked_mul(1000)?.checked_div(u64::from(scale))
}

/// The content of the first box of this kind. Sizes come from the file and are checked against it.
fn find_box<'a>(mut bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let (header, size) = match size {
            1 => (16, usize::try_from(u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?)).ok()?),
            0 => (8, bytes.len()),
            size => (8, usize::try_from(size).ok()?),
        };
        if bytes.get(4..8)? == kind {
            return bytes.get(header..size.min(bytes.len()));
        }
        bytes = bytes.get(size.max(header)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(name: &str, bytes: &'static [u8]) -> Nature {
        nature(name, &Bytes::from_static(bytes)).unwrap()
    }

    #[test]
    fn a_file_is_what_its_name_and_bytes_say() {
        for (name, bytes, kind, file_type) in [
            ("a.PNG", b"\x89PNG..".as_slice(), UploadKind::Image, ""),
            ("a.png", b"no image", UploadKind::File, "stream"),
            ("a.opus", b"OggS", UploadKind::Audio, "opus"),
            ("a.mp4", b"x", UploadKind::Video, "mp4"),
            ("a.docx", b"x", UploadKind::File, "doc"),
            ("README", b"x", UploadKind::File, "stream"),
        ] {
            assert_eq!(of(name, bytes), Nature { kind, file_type }, "{name}");
        }
        assert!(nature("a", &Bytes::new()).is_err());
        assert!(nature("a", &Bytes::from(vec![0; FILE_MAX + 1])).is_err());
        let mut large = b"\x89PNG".to_vec();
        large.resize(IMAGE_MAX + 1, 0);
        assert_eq!(nature("a.png", &Bytes::from(large)).unwrap().kind, UploadKind::File);
    }

    #[test]
    fn durations_are_read_without_decoding() {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(96_000u64.to_le_bytes());
        assert_eq!(duration(UploadKind::Audio, &page), Some(2000));
        let mut header = vec![0u8; 12];
        header.extend(600u32.to_be_bytes());
        header.extend(900u32.to_be_bytes());
        let wrap = |kind: &[u8; 4], content: &[u8]| {
            let size = u32::try_from(content.len() + 8).unwrap();
            [&size.to_be_bytes(), kind.as_slice(), content].concat()
        };
        let movie = [wrap(b"ftyp", b"isom"), wrap(b"moov", &wrap(b"mvhd", &header))].concat();
        assert_eq!(duration(UploadKind::Video, &movie), Some(1500));
    }

    proptest! {
        #[test]
        fn no_file_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            duration(UploadKind::Audio, &bytes);
            duration(UploadKind::Video, &bytes);
        }
    }
}
