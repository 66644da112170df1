mod attending;
mod keeping;
mod shifts;
mod steps;

use super::*;
use crate::event::ids::ChatId;

fn owner(pid: u32) -> Owner {
    Owner { pid, started: "1".to_owned(), name: "agent".to_owned() }
}

fn arming(id: &str, pid: u32, chats: &[&str]) -> Arming {
    Arming {
        id: id.to_owned(),
        chats: chats.iter().map(|chat| ChatId::new(*chat)).collect(),
        farewell_text: "bye".to_owned(),
        crash_text: Some("gone".to_owned()),
        greeting_text: Some("hello".to_owned()),
        owner: Some(owner(pid)),
        agent_session: None,
        ttl_ms: None,
    }
}

fn texts(sessions: &Sessions) -> Vec<(String, String)> {
    let pending = sessions.pending();
    pending.map(|(words, part)| (words.text.clone(), part.chat_id.to_string())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(text, chat)| ((*text).to_owned(), (*chat).to_owned())).collect()
}
