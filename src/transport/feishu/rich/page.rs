//! Where rendered text is written: what stands within a line, what stands beside it, what needs lines of its own.

use crate::event::bounded;

/// Text of one message. More than a line takes, and all that the platform lets through.
const TEXT_MAX: usize = 160 * 1024;

#[derive(Debug, Default)]
pub struct Page {
    text: String,
    after: After,
    /// Something did not fit.
    pub cut: bool,
}

/// What was written last decides what has to stand before the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum After {
    #[default]
    Words,
    /// The next word begins a new line.
    Block,
    /// The next word keeps a distance.
    Control,
}

impl Page {
    /// Within the line, exactly as it is.
    pub fn inline(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let joined = text.starts_with(|c: char| c.is_whitespace() || ",.;:!?)，。；：！？）".contains(c));
        match self.after {
            After::Block if !text.starts_with('\n') => self.push("\n"),
            After::Control if !joined => self.push(" "),
            After::Words | After::Block | After::Control => {}
        }
        self.after = After::Words;
        self.push(text);
    }

    /// Within the line, apart from its neighbours.
    pub fn control(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.after == After::Block {
            self.push("\n");
        } else if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.push(" ");
        }
        self.after = After::Control;
        self.push(text);
    }

    /// On lines of its own.
    pub fn block(&mut self, text: &str) {
        let text = text.trim_end_matches('\n');
        if text.trim().is_empty() {
            return;
        }
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push("\n");
        }
        self.push(text);
        self.after = After::Block;
    }

    /// What follows begins a line, unless it does already.
    pub fn line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.after = After::Block;
        }
    }

    /// The end of a row, which may be empty.
    pub fn row(&mut self) {
        if !self.text.is_empty() {
            self.push("\n");
        }
        self.after = After::Words;
    }

    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn is_full(&self) -> bool {
        self.text.len() >= TEXT_MAX
    }

    /// The whole text; nothing but white space is nothing.
    pub fn finish(self) -> String {
        let text = self.text.trim_end().trim_start_matches('\n');
        if text.trim().is_empty() { String::new() } else { text.to_owned() }
    }

    fn push(&mut self, text: &str) {
        let fits = bounded(text, TEXT_MAX.saturating_sub(self.text.len()));
        self.cut |= fits.len() < text.len();
        self.text.push_str(fits);
    }
}
