//! The one place that knows which platforms there are.

use serde::Deserialize;

use super::{Adapter, feishu};

/// Which platform a profile speaks to, as its file and its lines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Feishu,
    Lark,
    #[cfg(test)]
    Elsewhere,
}

/// A profile's standing with its platform. Outlives its connections: token, identity and names stay known.
#[derive(Clone, Debug)]
pub enum Account {
    Feishu(feishu::Account),
    #[cfg(test)]
    Elsewhere(crate::elsewhere::Account),
}

/// Does the same with whichever adapter an account is of.
macro_rules! each {
    ($account:expr, $one:ident => $done:expr) => {
        match $account {
            $crate::transport::Account::Feishu($one) => $done,
            #[cfg(test)]
            $crate::transport::Account::Elsewhere($one) => $done,
        }
    };
}

/// Does the same with the adapter of a platform, where no account is needed.
macro_rules! adapter {
    ($transport:expr, $one:ident => $done:expr) => {
        match $transport {
            $crate::transport::Transport::Feishu | $crate::transport::Transport::Lark => {
                type $one = $crate::transport::feishu::Account;
                $done
            }
            #[cfg(test)]
            $crate::transport::Transport::Elsewhere => {
                type $one = $crate::elsewhere::Account;
                $done
            }
        }
    };
}

pub(super) use {adapter, each};

impl Transport {
    pub const ALL: &[Transport] = &[Transport::Feishu, Transport::Lark];

    pub fn name(self) -> &'static str {
        match self {
            Transport::Feishu => "feishu",
            Transport::Lark => "lark",
            #[cfg(test)]
            Transport::Elsewhere => "elsewhere",
        }
    }
}

impl From<feishu::Account> for Account {
    fn from(account: feishu::Account) -> Account {
        Account::Feishu(account)
    }
}

#[cfg(test)]
impl From<crate::elsewhere::Account> for Account {
    fn from(account: crate::elsewhere::Account) -> Account {
        Account::Elsewhere(account)
    }
}

/// Every variant is an adapter.
const fn _is<A: Adapter>() {}
const _: () = _is::<feishu::Account>();
