//! A network that lets nobody out but through its proxy, and trusts an authority of its own.

use rooma::sandbox::Options;
use tokio::net::TcpListener;

use crate::support::{QUICK, World, options, text};
use crate::tunnel::{Front, Kind, Proxy};
use crate::verb::{run, world};

/// The first bot at another address.
fn profile(world: &World, base_url: &str) {
    let app = &world.sandbox.apps()[0];
    let profile = format!(
        "transport: feishu\napp_id: {}\napp_secret: {}\nbase_url: {base_url}\n",
        app.app_id, app.app_secret
    );
    world.write("profiles/b0.yaml", &profile);
}

/// A monitor hears over `wss`, and a verb speaks over `https`.
async fn heard_and_said(world: &World) {
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    world.say("lobby", "through it all");
    monitor.count("message", 1).await;
    assert_eq!(text(&monitor.of_type("message")[0], "content"), "through it all");
    let said = world.rooma(&["send", "--chat", "lobby", "--text", "heard"]).value();
    assert_eq!(world.message(said["message_id"].as_str().unwrap()).content, r#"{"text":"heard"}"#);
    let state = world.all_acked().await;
    assert_eq!(state.apps[0].connections, 1);
    monitor.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_verbs_are_encrypted_from_end_to_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::with(Options { gate_url: Some(format!("wss://{address}")), ..options(1) }).await;
    let front = Front::start(listener, "127.0.0.1", &world.sandbox.base_url()).await;
    profile(&world, &format!("https://{address}"));
    world.write("ca.pem", &front.ca);
    world.write("config/rooma.yaml", &format!("{QUICK}http: {{ca_file: ca.pem}}\n"));
    heard_and_said(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_verbs_go_through_a_proxy_of_either_kind() {
    for kind in [Kind::Connect, Kind::Socks5] {
        let gate_url = Some("wss://gate.rooma.test:8443".to_owned());
        let world = World::with(Options { gate_url, ..options(1) }).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = Front::start(listener, "*.rooma.test", &world.sandbox.base_url()).await;
        let proxy = Proxy::start(kind, &front.address).await;
        profile(&world, "https://open.rooma.test");
        world.write("ca.pem", &front.ca);
        let options = format!("{QUICK}http: {{ca_file: ca.pem, proxy: \"{}\"}}\n", proxy.url);
        world.write("config/rooma.yaml", &options);
        heard_and_said(&world).await;
        let asked = proxy.asked();
        for target in ["open.rooma.test:443", "gate.rooma.test:8443"] {
            assert!(asked.iter().any(|asked| asked == target), "{kind:?}: {asked:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_goes_through_the_proxy_and_trusts_the_extra_authority() {
    let world = world(1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = Front::start(listener, "rooma.test", &world.sandbox.base_url()).await;
    let gateway = Proxy::start(Kind::Connect, &front.address).await;
    profile(&world, "https://rooma.test");
    let proxy = &gateway.url;
    let chats = || {
        let mut command = world.as_profile("b0");
        command.args(["chats", "--timeout", "1s"]);
        command
    };
    // The certificate is nobody's this system knows.
    assert_eq!(run(chats().env("HTTPS_PROXY", proxy)).error(4)["type"], "network");
    world.write("ca.pem", &front.ca);
    world.write("config/rooma.yaml", "http: {ca_file: ca.pem}\n");
    run(chats().env("HTTPS_PROXY", proxy)).value();
    world.write("config/rooma.yaml", &format!("http: {{ca_file: ca.pem, proxy: \"{proxy}\"}}\n"));
    let before = gateway.asked().len();
    run(&mut chats()).value();
    assert!(gateway.asked().len() > before);
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
