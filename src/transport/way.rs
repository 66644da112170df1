//! The way to a host: straight, or through the proxy that this network needs. One set of rules for REST and
//! for the WebSocket.

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tower_service::Service;

use super::Network;
use crate::error::{Error, Result};

/// What goes to this machine itself goes straight: it is not encrypted.
const STRAIGHT: &str = "localhost,127.0.0.0/8,::1";

/// How connections leave this machine.
#[derive(Clone, Default)]
pub struct Way {
    matcher: Option<std::sync::Arc<Matcher>>,
    /// As it was written, with its password.
    proxy: Option<Url>,
    exceptions: String,
}

impl Way {
    /// Fails when the proxy is none that is understood. No error repeats a password.
    pub fn new(network: &Network) -> Result<Way> {
        let Some(text) = &network.proxy else { return Ok(Way::default()) };
        let refused = |what: &str| {
            Error::config(format!("the proxy {what}"))
                .hint("http.proxy, HTTPS_PROXY or ALL_PROXY: http://host:port or socks5h://host:port")
        };
        // As everywhere, a bare host and port is an HTTP proxy.
        let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
        let url = url.map_err(|error| refused(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "socks5" | "socks5h") {
            return Err(refused(&format!("has the scheme {}, which is not supported", url.scheme())));
        }
        if url.host_str().is_none() {
            return Err(refused("has no host"));
        }
        let exceptions = match network.no_proxy.as_deref() {
            Some(no_proxy) => format!("{STRAIGHT},{no_proxy}"),
            None => STRAIGHT.to_owned(),
        };
        let matcher = Matcher::builder().https(url.as_str()).no(exceptions.as_str()).build();
        Ok(Way { matcher: Some(matcher.into()), proxy: Some(url), exceptions })
    }

    /// The same rules for reqwest, which would otherwise read the environment by rules of its own.
    pub fn apply(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        let builder = builder.no_proxy();
        let Some(proxy) = &self.proxy else { return Ok(builder) };
        let proxy = reqwest::Proxy::https(proxy.clone())
            .map_err(|_| Error::config("the proxy's URL is not understood"))?
            .no_proxy(reqwest::NoProxy::from_string(&self.exceptions));
        Ok(builder.proxy(proxy))
    }

    /// Opens a connection to a host.
    pub async fn connect(&self, host: &str, port: u16) -> std::io::Result<TcpStream> {
        match self.proxy_for(host, port)? {
            None => TcpStream::connect((host, port)).await,
            Some((proxy, target)) => through(&proxy, target).await,
        }
    }

    fn proxy_for(&self, host: &str, port: u16) -> std::io::Result<Option<(Intercept, Uri)>> {
        let Some(matcher) = &self.matcher else { return Ok(None) };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let target: Uri = format!("https://{host}:{port}/").parse().map_err(std::io::Error::other)?;
        Ok(matcher.intercept(&target).map(|proxy| (proxy, target)))
    }
}

async fn through(proxy: &Intercept, target: Uri) -> std::io::Result<TcpStream> {
    let mut plain = HttpConnector::new();
    // It only opens the connection to the proxy, whatever the proxy then speaks.
    plain.enforce_http(false);
    let address = proxy.uri().clone();
    let failed = |error: &dyn std::error::Error| std::io::Error::other(format!("the proxy failed: {error}"));
    let stream: TokioIo<TcpStream> = match proxy.uri().scheme_str() {
        Some("socks5" | "socks5h") => {
            let mut socks = SocksV5::new(address, plain);
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            socks.call(target).await.map_err(|error| failed(&error))?
        }
        _ => {
            let mut tunnel = Tunnel::new(address, plain);
            if let Some(header) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(header.clone());
            }
            tunnel.call(target).await.map_err(|error| failed(&error))?
        }
    };
    Ok(stream.into_inner())
}

/// The proxy's password is nobody's business.
impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let proxy = self.proxy.as_ref().and_then(Url::host_str);
        f.debug_struct("Way").field("proxy", &proxy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn way(proxy: &str, no_proxy: Option<&str>) -> Result<Way> {
        let no_proxy = no_proxy.map(str::to_owned);
        Way::new(&Network { proxy: Some(proxy.to_owned()), no_proxy, ca_file: None })
    }

    #[test]
    fn exceptions_and_this_machine_go_straight() {
        let way = way("proxy:3128", Some(".corp,10.0.0.0/8")).unwrap();
        let proxied = |host: &str| way.proxy_for(host, 443).unwrap().is_some();
        assert!(proxied("open.feishu.cn") && proxied("2001:db8::1"));
        for host in ["localhost", "127.0.0.1", "::1", "git.corp", "10.1.2.3"] {
            assert!(!proxied(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_said_without_its_password() {
        for text in
            ["ftp://u:secret@h:1", "https://u:secret@h:1", "http://u:secret@:1", "http://u:secret@h:x"]
        {
            let error = way(text, None).unwrap_err();
            assert!(!error.to_json().contains("secret"), "{error}");
        }
        let fine = way("http://u:secret@h:1", None).unwrap();
        assert!(!format!("{fine:?}").contains("secret"));
    }

    /// Reads what a client asks of a proxy and answers as one.
    async fn ask(
        scheme: &str,
        script: &'static [(usize, &'static [u8])],
    ) -> (Vec<u8>, std::io::Result<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            for (length, answer) in script {
                let mut buffer = vec![0; *length];
                socket.read_exact(&mut buffer).await.unwrap();
                heard.extend(buffer);
                socket.write_all(answer).await.unwrap();
            }
            heard
        };
        let way = way(&format!("{scheme}://me:pw@127.0.0.1:{port}"), None).unwrap();
        tokio::join!(server, way.connect("gate.example", 443))
    }

    const CONNECT: &str = "CONNECT gate.example:443 HTTP/1.1\r\nHost: gate.example:443\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n";

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel() {
        let script: &'static [(usize, &[u8])] =
            Box::leak(Box::new([(CONNECT.len(), &b"HTTP/1.1 200 OK\r\n\r\nhi"[..])]));
        let (heard, stream) = ask("http", script).await;
        assert_eq!(String::from_utf8(heard).unwrap().to_lowercase(), CONNECT.to_lowercase());
        assert!(stream.is_ok(), "{stream:?}");
        let refused: &'static [(usize, &[u8])] =
            Box::leak(Box::new([(CONNECT.len(), &b"HTTP/1.1 407 No\r\n\r\n"[..])]));
        assert!(ask("http", refused).await.1.is_err());
    }

    #[tokio::test]
    async fn socks_is_spoken_and_the_proxy_resolves_the_name() {
        // Methods, user and password, request: each with its answer.
        let script: &'static [(usize, &[u8])] =
            &[(3, b"\x05\x02"), (7, b"\x01\x00"), (19, b"\x05\x00\x00\x01\x7f\0\0\x01\x01\xbb")];
        let (heard, stream) = ask("socks5h", script).await;
        assert!(heard.windows(12).any(|window| window == b"gate.example"), "{heard:?}");
        assert!(stream.is_ok(), "{stream:?}");
    }
}
