//! A platform that answers each path with what a test put there, and remembers what it was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::account::Account;
use crate::clock::Clock;
use crate::transport::{Identity, Limits, Shared, Transport};

pub const TOKEN: &str = "POST /open-apis/auth/v3/tenant_access_token/internal";

/// Answers by method and path, with their HTTP status.
pub type Answers = HashMap<String, (u16, Value)>;

#[derive(Clone)]
pub struct Canned {
    address: std::net::SocketAddr,
    shared: Shared,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    pub async fn start() -> Canned {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let canned = Canned {
            address: listener.local_addr().unwrap(),
            shared: Shared::new(Clock::system(), Limits::default()).unwrap(),
            answers: Arc::default(),
            asked: Arc::default(),
        };
        let serving = canned.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(socket).await });
            }
        });
        canned
    }

    /// From now on these are the answers; a token is always to be had, unless it is among them.
    pub fn answer(&self, answers: &Answers) {
        *self.answers.lock().unwrap() = answers.clone();
        self.asked.lock().unwrap().clear();
    }

    /// Method and path of each request since.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// An account that has asked for nothing yet.
    pub fn account(&self) -> Account {
        let identity = Identity {
            profile: "a".into(),
            transport: Transport::Feishu,
            app_id: "cli_a0b1c2d3e4f50617".to_owned(),
            app_secret: "a-secret".to_owned().into(),
            base_url: Some(format!("http://{}", self.address)),
            siblings: Default::default(),
            sights: Default::default(),
        };
        Account::new(identity, self.shared.clone()).unwrap()
    }

    async fn serve(&self, socket: TcpStream) -> Option<()> {
        let mut socket = BufReader::new(socket);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if socket.read_line(&mut head).await.ok()? == 0 {
                    return None;
                }
            }
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:").map(str::trim)?.parse().ok()
            });
            socket.read_exact(&mut vec![0; length.unwrap_or(0)]).await.ok()?;
            let asked = head.split(['?', '\r']).next()?;
            let asked = asked.strip_suffix(" HTTP/1.1").unwrap_or(asked).to_owned();
            let (status, body) = self.said(&asked);
            self.asked.lock().unwrap().push(asked);
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    fn said(&self, asked: &str) -> (u16, Value) {
        let told = self.answers.lock().unwrap().get(asked).cloned();
        told.unwrap_or_else(|| match asked {
            TOKEN => {
                (200, json!({"code": 0, "msg": "ok", "tenant_access_token": "t-canned", "expire": 7200}))
            }
            _ => (200, json!({"code": 0, "msg": "success", "data": {}})),
        })
    }
}
