//! The control socket before anything a client may write.

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::control::{Op, Request, VERSION, checked, is_cursor_name, named, next_request};

fn corpus() -> Vec<Vec<u8>> {
    let ops = [Op::Status, Op::Stop, Op::Follow, Op::Cursor, Op::Ack];
    let requests =
        ops.map(|op| Request { cursor: Some("watch".to_owned()), seq: Some(7), ..Request::new(op) });
    let line = |request: &Request| {
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        line
    };
    let mut corpus: Vec<Vec<u8>> = requests.iter().map(line).collect();
    corpus.push(corpus.concat());
    corpus
}

#[test]
fn requests_of_any_kind_are_read_or_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    crate::fuzz::run("control requests", &corpus(), |bytes| {
        runtime.block_on(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let (reader, _writer) = ours.into_split();
            let mut reader = BufReader::new(reader);
            let client = async move {
                // Refused in the middle, the rest is not taken.
                let _ = theirs.write_all(bytes).await;
            };
            let server = async move {
                let mut read = 0;
                while let Ok(Some(request)) = next_request(&mut reader).await {
                    read += 1;
                    let Ok(request) = request.and_then(checked) else { continue };
                    assert_eq!(request.v, VERSION);
                    assert_eq!(
                        serde_json::from_slice::<Request>(&serde_json::to_vec(&request).unwrap()).unwrap(),
                        request
                    );
                    if let Ok((name, _)) = named(&request) {
                        assert!(is_cursor_name(name) && !name.contains('/'));
                    }
                }
                read
            };
            let ((), read) = tokio::join!(client, server);
            assert!(read <= bytes.len());
        });
    });
}
