//! Pictures, films, sounds and files: by name where there is one, and by key.

use serde_json::Value;

use super::Reading;
use super::node::Node;
use crate::transport::feishu::content::{bracketed, named};
use crate::transport::feishu::tidy;

impl Reading<'_> {
    pub fn image(&mut self, node: Node<'_>) {
        let key = self.image_key(node);
        let title = self.label(node, &["title", "text", "caption"]);
        let alt = self.label(node, &["alt"]);
        let alt = match (title.is_empty() || alt == title, alt.is_empty()) {
            (_, true) => String::new(),
            (true, false) => alt,
            (false, false) => format!("({alt})"),
        };
        let title = if title == alt { String::new() } else { title };
        let address = node.first(&["url", "img_url", "image_url", "src"]);
        if !key.contains("://") {
            self.out.resource("image", &key, None);
        }
        let shown = bracketed("image", &[&key, if key.is_empty() { &address } else { "" }, &title, &alt]);
        self.page.inline(&shown);
    }

    fn image_key(&self, node: Node<'_>) -> String {
        let key = node.first(&["image_key", "img_key", "image_id", "img_id", "key"]).into_owned();
        let beside = self.beside("images", &key).and_then(Node::of);
        let better = beside.map(|image| image.first(&["origin_key", "token"]).into_owned());
        better.filter(|key| !key.is_empty()).unwrap_or(key)
    }

    pub fn images(&mut self, node: Node<'_>) {
        let list = ["img_list", "image_list", "images"].iter().find_map(|key| node.get(key));
        for item in list.and_then(Value::as_array).into_iter().flatten() {
            if let Some(image) = Node::of(item) {
                let shown = self.aside(|reading| reading.image(image));
                self.page.control(&shown);
            }
        }
    }

    pub fn media(&mut self, node: Node<'_>, kind: &str) {
        let keys = ["file_key", "file_id", "video_key", "video_id", "audio_key", "audio_id", "key"];
        let key = node.first(&keys);
        let name = node.first(&["file_name", "name"]);
        self.out.resource(kind, &key, tidy::some(&name, tidy::name));
        let shown = self.label(node, &["title", "alt", "text"]);
        let mut parts = vec![name.into_owned(), shown, key.clone().into_owned()];
        // What the same film or sound is called elsewhere.
        let others = keys.iter().map(|name| (name, node.word(name)));
        parts.extend(others.filter(|(_, other)| *other != key).map(|(name, other)| named(name, &other)));
        self.page.inline(&bracketed(kind, &parts.iter().map(String::as_str).collect::<Vec<_>>()));
        let cover = node.first(&["image_key", "img_key", "cover_key", "cover_image_key", "poster_key"]);
        let inner = ["cover", "poster"].iter().find_map(|key| node.get(key)).and_then(Node::of);
        let inner = inner.map(|cover| cover.first(&["image_key", "img_key", "key"])).unwrap_or_default();
        self.out.resource("image", if cover.is_empty() { &inner } else { &cover }, None);
    }

    /// A folder cannot be downloaded; its key is what a call would need.
    pub fn file(&mut self, node: Node<'_>) {
        let key = node.first(&["file_key", "folder_key", "key"]);
        let name = node.first(&["file_name", "folder_name", "name", "title", "text"]);
        let folder = node.tag == "folder" || node.flag("is_folder");
        if folder {
            let shown = bracketed("folder", &[&name, &named("key", &key)]);
            return self.page.control(&shown);
        }
        self.out.resource("file", &key, tidy::some(&name, tidy::name));
        self.page.control(&bracketed("file", &[if name.is_empty() { &key } else { &name }]));
    }
}
