//! Where a cursor begins.

/// Where a cursor begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Where it was left; a new one begins now.
    Cursor,
    Start,
    Now,
    /// After this position.
    Seq(u64),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Since, String> {
        match text {
            "start" => Ok(Since::Start),
            "now" => Ok(Since::Now),
            // A line's handle is its position.
            seq => seq
                .strip_prefix('s')
                .unwrap_or(seq)
                .parse()
                .map(Since::Seq)
                .map_err(|_| "expected start, now or a seq".to_owned()),
        }
    }
}
