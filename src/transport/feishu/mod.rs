//! Feishu and Lark.
//!
//! Pure: `frame`, `reassembly`, `session`, `endpoint`, `url`, `wire`, `normalize`, `content`, `post`,
//! `mention`, `known`, `codes`, `tidy`, `time`, `repair`. The rest acts.

mod codes;
mod content;
mod endpoint;
mod frame;
mod known;
mod mention;
mod normalize;
mod post;
mod reassembly;
mod repair;
mod session;
mod tidy;
mod time;
mod url;
mod wire;

use crate::core::end::End;
use crate::error::Result;
use crate::transport::{Identity, Life, Shared};

#[derive(Debug)]
pub struct Account {}

impl Account {
    pub fn new(_identity: Identity, _shared: Shared) -> Result<Account> {
        Ok(Account {})
    }

    pub async fn run(&self, _life: Life) -> End {
        End::Asked
    }
}
