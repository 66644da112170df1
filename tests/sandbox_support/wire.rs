//! Frames by hand: no protobuf library, so that neither side's definition is trusted.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawFrame {
    pub seq_id: u64,
    pub log_id: u64,
    pub service: u64,
    pub method: u64,
    pub headers: Vec<(String, String)>,
    pub payload: Vec<u8>,
}

impl RawFrame {
    pub fn header(&self, key: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).expect("the payload is JSON")
    }
}

pub fn ping(service: u64) -> Vec<u8> {
    let headers = vec![("type".to_owned(), "ping".to_owned())];
    encode(&RawFrame { service, headers, ..RawFrame::default() })
}

/// The acknowledgement a correct client sends.
pub fn ack(frame: &RawFrame, payload: &str) -> RawFrame {
    let mut ack = frame.clone();
    ack.headers.push(("biz_rt".to_owned(), "3".to_owned()));
    ack.payload = payload.as_bytes().to_vec();
    ack
}

pub fn encode(frame: &RawFrame) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, value) in [(1, frame.seq_id), (2, frame.log_id), (3, frame.service), (4, frame.method)] {
        out.push(tag << 3);
        varint(&mut out, value);
    }
    for (key, value) in &frame.headers {
        let mut header = Vec::new();
        bytes(&mut header, 1, key.as_bytes());
        bytes(&mut header, 2, value.as_bytes());
        bytes(&mut out, 5, &header);
    }
    if !frame.payload.is_empty() {
        bytes(&mut out, 8, &frame.payload);
    }
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, tag: u8, data: &[u8]) {
    out.push(tag << 3 | 2);
    varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

/// `None` for what is no frame.
pub fn decode(data: &[u8]) -> Option<RawFrame> {
    let mut frame = RawFrame::default();
    let mut rest = data;
    while !rest.is_empty() {
        match take_varint(&mut rest)? {
            8 => frame.seq_id = take_varint(&mut rest)?,
            16 => frame.log_id = take_varint(&mut rest)?,
            24 => frame.service = take_varint(&mut rest)?,
            32 => frame.method = take_varint(&mut rest)?,
            42 => {
                let mut header = take_bytes(&mut rest)?;
                let mut pair = (String::new(), String::new());
                while !header.is_empty() {
                    let tag = take_varint(&mut header)?;
                    let text = String::from_utf8(take_bytes(&mut header)?.to_vec()).ok()?;
                    if tag == 10 { pair.0 = text } else { pair.1 = text }
                }
                frame.headers.push(pair);
            }
            66 => frame.payload = take_bytes(&mut rest)?.to_vec(),
            _ => return None,
        }
    }
    Some(frame)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(rest)?).ok()?;
    let (data, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(data)
}

#[test]
fn frames_have_the_bytes_of_the_protocol_page() {
    let unhex = |text: &str| -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    };
    assert_eq!(ping(33_554_678), unhex("0800 1000 18f6818010 2000 2a0c 0a0474797065 120470696e67"));
    let event = unhex(
        "08011002 18f6818010 2001 2a0d0a047479706512056576656e74 2a100a0a6d6573736167655f696412026d31 \
         2a080a0373756d120131 2a080a03736571120130 2a0e0a0874726163655f696412027431 42027b7d",
    );
    let decoded = decode(&event).expect("a frame");
    assert_eq!((decoded.seq_id, decoded.header("message_id")), (1, "m1"));
    assert_eq!(encode(&decoded), event);
    let expected = unhex(
        "08011002 18f6818010 2001 2a0d0a047479706512056576656e74 2a100a0a6d6573736167655f696412026d31 \
         2a080a0373756d120131 2a080a03736571120130 2a0e0a0874726163655f696412027431 \
         2a0b0a0662697a5f7274120133 420c7b22636f6465223a3230307d",
    );
    assert_eq!(encode(&ack(&decoded, r#"{"code":200}"#)), expected);
}
