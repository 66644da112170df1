//! The table: which element is read how.

use super::Reading;
use super::node::Node;

type Read = for<'r, 'a, 'v> fn(&'r mut Reading<'a>, Node<'v>);

/// Posts, cards as they are authored (1.0 and 2.0), rendered, and as `json_card`.
#[rustfmt::skip]
pub const TABLE: &[(&[&str], Read)] = &[
    // Words.
    (&["text", "plain_text", "i18n_text"], |reading, node| reading.text(node)),
    (&["md", "markdown", "markdown_v1", "lark_md"], |reading, node| reading.markdown(node)),
    (&["a", "link"], |reading, node| reading.link(node)),
    (&["at"], |reading, node| reading.at(node)),
    (&["at_all"], |reading, _| reading.at_all()),
    (&["emotion", "emoji"], |reading, node| reading.emoji(node)),
    (&["code_span", "inline_code"], |reading, node| reading.code_span(node)),
    (&["text_tag", "number_tag"], |reading, node| reading.text_tag(node)),
    (&["local_datetime"], |reading, node| reading.local_datetime(node)),
    (&["br"], |reading, _| reading.page.row()),
    // Blocks.
    (&["code_block", "code"], |reading, node| reading.code_block(node)),
    (&["hr"], |reading, _| reading.page.block("---")),
    (&["heading"], |reading, node| reading.heading(node)),
    (&["quote", "blockquote"], |reading, node| reading.quote(node)),
    (&["list", "ul", "ol"], |reading, node| reading.list(node)),
    (&["table"], |reading, node| reading.table(node)),
    (&["chart"], |reading, node| reading.chart(node)),
    // What can be downloaded, or is at least named by a key.
    (&["img", "image"], |reading, node| reading.image(node)),
    (&["img_combination"], |reading, node| reading.images(node)),
    (&["media", "video"], |reading, node| reading.media(node, "video")),
    (&["audio"], |reading, node| reading.media(node, "audio")),
    (&["sticker"], |reading, node| reading.media(node, "sticker")),
    (&["file", "folder"], |reading, node| reading.file(node)),
    // People.
    (&["person", "person_v1", "avatar"], |reading, node| reading.person(node)),
    (&["person_list"], |reading, node| reading.person_list(node)),
    // What can be pressed, chosen and filled in.
    (&["button"], |reading, node| reading.button(node)),
    (&["overflow"], |reading, node| reading.select(node, "menu")),
    (&["select_static", "select"], |reading, node| reading.select(node, "select")),
    (&["multi_select_static"], |reading, node| reading.select(node, "multi_select")),
    (&["select_person"], |reading, node| reading.select(node, "select_person")),
    (&["multi_select_person"], |reading, node| reading.select(node, "multi_select_person")),
    (&["select_img"], |reading, node| reading.select(node, "select_img")),
    (&["input"], |reading, node| reading.input(node)),
    (&["date_picker", "picker_date", "picker_time", "picker_datetime"], |reading, node| reading.picker(node)),
    (&["checker"], |reading, node| reading.checker(node)),
    // What holds others.
    (&["note", "action", "actions"], |reading, node| reading.row_of(node)),
    (
        &["div", "column_set", "column", "collapsible_panel", "form", "interactive_container", "repeat", "fallback_text"],
        |reading, node| reading.container(node),
    ),
    (&[""], |reading, node| reading.untagged(node)),
    (&["card_header"], |reading, node| reading.header(node)),
    // Nothing to read.
    (&["standard_icon", "custom_icon"], |_, _| {}),
];

pub fn of(tag: &str) -> Option<Read> {
    TABLE.iter().find(|(tags, _)| tags.contains(&tag)).map(|(_, read)| *read)
}
