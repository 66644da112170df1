//! What a caller and its jq process say to each other: a kind, a length, and that many bytes.

use std::io::{self, Read, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To the process: the expression, once.
    Expression,
    /// To the process: a value, for results as JSON.
    Value,
    /// To the process: a value, for results whose texts stand bare.
    Bare,
    /// From the process: one result.
    Result,
    /// From the process: the expression is understood, or all results were given.
    Done,
    /// From the process: why there are no more.
    Failed,
}

const KINDS: [(Kind, u8); 6] = [
    (Kind::Expression, b'x'),
    (Kind::Value, b'v'),
    (Kind::Bare, b'b'),
    (Kind::Result, b'r'),
    (Kind::Done, b'.'),
    (Kind::Failed, b'!'),
];

/// A kind and a length.
pub const HEAD: usize = 5;

pub fn write(to: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("too much at once"))?;
    let letter = KINDS.iter().find(|(known, _)| *known == kind).map_or(b'?', |(_, letter)| *letter);
    let mut frame = Vec::with_capacity(HEAD + bytes.len());
    frame.push(letter);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(bytes);
    to.write_all(&frame)
}

/// The next frame's kind and length, of the five bytes before it.
pub fn head(bytes: [u8; HEAD]) -> io::Result<(Kind, usize)> {
    let [letter, length @ ..] = bytes;
    let kind = KINDS.iter().find(|(_, known)| *known == letter).map(|(kind, _)| *kind);
    let kind = kind.ok_or_else(|| io::Error::other("this is no frame"))?;
    Ok((kind, u32::from_le_bytes(length) as usize))
}

/// `None` once the other side has ended.
pub fn read(from: &mut impl Read, max: usize) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut bytes = [0; HEAD];
    match from.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (kind, length) = head(bytes)?;
    if length > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a frame is too large"));
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content)?;
    Ok(Some((kind, content)))
}
