//! A network that lets nobody out but through its proxy, and trusts an authority of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::World;
use crate::verb::{run, world};

/// Takes CONNECT requests and speaks TLS as whatever host was asked for; behind it is the sandbox.
struct Gateway {
    address: String,
    tunnels: Arc<AtomicUsize>,
    ca: String,
}

impl Gateway {
    async fn start(world: &World, host: &str) -> Gateway {
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
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sandbox = world.sandbox.base_url().trim_start_matches("http://").to_owned();
        let (acceptor, tunnels) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&tunnels);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(tunnel(client, acceptor.clone(), sandbox.clone()));
            }
        });
        Gateway { address, tunnels, ca: issuer.pem() }
    }
}

async fn tunnel(mut client: TcpStream, acceptor: TlsAcceptor, sandbox: String) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        request.push(byte);
    }
    assert!(request.starts_with(b"CONNECT rooma.test:443 "), "{}", String::from_utf8_lossy(&request));
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // A client that does not trust the certificate leaves here.
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let mut server = TcpStream::connect(sandbox).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_goes_through_the_proxy_and_trusts_the_extra_authority() {
    let world = world(1).await;
    let gateway = Gateway::start(&world, "rooma.test").await;
    let app = &world.sandbox.apps()[0];
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {}\nbase_url: https://rooma.test\n",
        app.app_id, app.app_secret
    );
    world.write("profiles/b0.yaml", &profile);
    let proxy = format!("http://{}", gateway.address);
    let chats = || {
        let mut command = world.as_profile("b0");
        command.args(["chats", "--timeout", "1s"]);
        command
    };
    // The certificate is nobody's this system knows.
    assert_eq!(run(chats().env("HTTPS_PROXY", &proxy)).error(4)["type"], "network");
    world.write("ca.pem", &gateway.ca);
    world.write("config/rooma.yaml", "http: {ca_file: ca.pem}\n");
    run(chats().env("HTTPS_PROXY", &proxy)).value();
    world.write("config/rooma.yaml", &format!("http: {{ca_file: ca.pem, proxy: \"{proxy}\"}}\n"));
    let before = gateway.tunnels.load(Ordering::SeqCst);
    run(&mut chats()).value();
    assert!(gateway.tunnels.load(Ordering::SeqCst) > before);
    world.write("config/rooma.yaml", "http: {ca_file: profiles/b0.yaml}\n");
    assert_eq!(run(&mut chats()).error(3)["type"], "config");
    world.write("config/rooma.yaml", "http: {proxy: \"ftp://me:pw-of-proxy@x\"}\n");
    let error = run(&mut chats()).error(3);
    assert!(!error.to_string().contains("pw-of-proxy"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_reached_without_the_proxy() {
    let world = world(1).await;
    let mut command = world.as_profile("b0");
    command
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1");
    run(command.arg("chats")).value();
}
