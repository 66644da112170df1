//! Uploaded images and files.

use bytes::Bytes;

use super::World;
use super::actor::Actor;
use crate::sandbox::feishu::ids;

/// All uploads of one sandbox together; tests upload 30 MB files a few times, not for ever.
const TOTAL_BYTES_MAX: usize = 512 * 1024 * 1024;

#[derive(Clone)]
pub struct Resource {
    pub owner: Actor,
    /// `image`, or the `file_type` it was uploaded with.
    pub kind: String,
    pub name: String,
    pub bytes: Bytes,
}

/// The smallest PNG: what a person of the sandbox "photographs".
pub const PICTURE: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00,
    0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xdf, 0xc0, 0xf0, 0x1f, 0x00, 0x06,
    0x80, 0x02, 0x7f, 0x10, 0x4c, 0x1b, 0xe1, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42,
    0x60, 0x82,
];

impl Resource {
    pub fn is_image(&self) -> bool {
        self.kind == "image"
    }
}

impl World {
    /// `None` when the sandbox's storage is full.
    pub fn store(&mut self, resource: Resource) -> Option<String> {
        if self.resource_bytes + resource.bytes.len() > TOTAL_BYTES_MAX {
            return None;
        }
        self.resource_bytes += resource.bytes.len();
        let prefix = if resource.is_image() { "img_v3_" } else { "file_v3_" };
        let key = format!("{prefix}{}", ids::random_hex(24));
        self.resources.insert(key.clone(), resource);
        Some(key)
    }
}
