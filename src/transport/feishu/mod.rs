//! Feishu and Lark.

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
