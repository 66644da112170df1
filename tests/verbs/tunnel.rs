//! What stands between this machine and a platform: TLS with a certificate of an authority of its own, and
//! proxies of both kinds.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Speaks TLS as `host`; behind it is the sandbox.
pub struct Front {
    pub address: String,
    /// PEM of the authority that signed its certificate.
    pub ca: String,
}

impl Front {
    pub async fn start(listener: TcpListener, host: &str, sandbox_url: &str) -> Front {
        let (ca, acceptor) = certified(host);
        let address = listener.local_addr().unwrap().to_string();
        let sandbox = sandbox_url.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(terminate(client, acceptor.clone(), sandbox.clone()));
            }
        });
        Front { address, ca }
    }
}

fn certified(host: &str) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (issuer.pem(), TlsAcceptor::from(Arc::new(config)))
}

async fn terminate(client: TcpStream, acceptor: TlsAcceptor, sandbox: String) {
    // A client that does not trust the certificate leaves here.
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let mut server = TcpStream::connect(sandbox).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Connect,
    Socks5,
}

/// Takes whoever asks to the one place behind it, and remembers what was asked for.
pub struct Proxy {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub async fn start(kind: Kind, behind: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = match kind {
            Kind::Connect => "http",
            Kind::Socks5 => "socks5h",
        };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let (asked, behind) = (Arc::new(Mutex::new(Vec::new())), behind.to_owned());
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(kind, client, behind.clone(), Arc::clone(&heard)));
            }
        });
        Proxy { url, asked }
    }

    /// Hosts and ports, in the order they were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn tunnel(kind: Kind, mut client: TcpStream, behind: String, asked: Arc<Mutex<Vec<String>>>) {
    let target = match kind {
        Kind::Connect => connect(&mut client).await,
        Kind::Socks5 => socks5(&mut client).await,
    };
    let Ok(target) = target else { return };
    asked.lock().unwrap().push(target);
    let mut server = TcpStream::connect(behind).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

async fn connect(client: &mut TcpStream) -> std::io::Result<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(client.read_u8().await?);
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let request = String::from_utf8(request).unwrap();
    Ok(request.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned())
}

/// Without a password, to a host by name (RFC 1928).
async fn socks5(client: &mut TcpStream) -> std::io::Result<String> {
    let [_, methods] = bytes::<2>(client).await?;
    for _ in 0..methods {
        client.read_u8().await?;
    }
    client.write_all(b"\x05\x00").await?;
    let [_, command, _, kind, length] = bytes::<5>(client).await?;
    assert_eq!((command, kind), (1, 3), "a connection to a name");
    let mut host = vec![0; usize::from(length)];
    client.read_exact(&mut host).await?;
    let port = client.read_u16().await?;
    client.write_all(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00").await?;
    Ok(format!("{}:{port}", String::from_utf8(host).unwrap()))
}

async fn bytes<const N: usize>(client: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut buffer = [0; N];
    client.read_exact(&mut buffer).await.map(|_| buffer)
}
