//! Ids, which are the platform's: the world counts what it holds, and the platform names it.

use super::World;
use super::chat::Mode;

/// Makes a platform's ids and finds again what they name. Numbers are those of the world; an id that needs
/// more, such as a message's chat or time, finds that there.
pub trait Ids: Send + Sync {
    fn app(&self, number: usize) -> String;
    fn chat(&self, number: usize, mode: Mode) -> String;
    fn message(&self, world: &World, number: u64) -> String;
    fn message_number(&self, world: &World, id: &str) -> Option<u64>;
    /// Of the thread that begins with this message.
    fn thread(&self, world: &World, first: u64) -> String;
    fn thread_number(&self, world: &World, id: &str) -> Option<u64>;
    /// What an upload is called from then on.
    fn file(&self, image: bool) -> String;
}

impl World {
    pub fn message_id(&self, number: u64) -> String {
        self.ids.message(self, number)
    }

    pub fn message_number(&self, id: &str) -> Option<u64> {
        self.ids.message_number(self, id)
    }

    pub fn thread_id(&self, first: u64) -> String {
        self.ids.thread(self, first)
    }

    pub fn thread_by_id(&self, id: &str) -> Option<u64> {
        self.ids.thread_number(self, id)
    }

    pub fn chat_by_id(&self, id: &str) -> Option<usize> {
        self.chat_ids.get(id).copied()
    }
}
