//! The address of one connection. Its query is a credential.

use std::net::IpAddr;

/// A WebSocket URL that cannot be printed: only [`SocketUrl::secret`] gives it away, to the dialler.
pub struct SocketUrl {
    whole: String,
    host: String,
    port: u16,
}

impl SocketUrl {
    /// Takes `wss`, and `ws` only where nobody can listen in: to this machine itself.
    pub fn parse(whole: String) -> Result<SocketUrl, &'static str> {
        let (tls, rest) = match (whole.strip_prefix("wss://"), whole.strip_prefix("ws://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            (None, None) => return Err("it is not a WebSocket URL"),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let (host, port) = host_and_port(authority, if tls { 443 } else { 80 })?;
        if !tls && !is_loopback(&host) {
            return Err("it is neither encrypted nor on this machine");
        }
        Ok(SocketUrl { host, port, whole })
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The first value of a query parameter, as it stands.
    pub fn query(&self, key: &str) -> Option<&str> {
        let (_, query) = self.whole.split_once('?')?;
        let query = query.split('#').next().unwrap_or("");
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|pair| pair.0 == key).map(|pair| pair.1)
    }

    /// The whole URL, with its access key and ticket.
    pub fn secret(&self) -> &str {
        &self.whole
    }

    /// The values of its query, some of which open the connection.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let query = self.whole.split_once('?').map_or("", |(_, query)| query);
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value)
    }
}

impl std::fmt::Debug for SocketUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SocketUrl({}:{}/…)", self.host, self.port)
    }
}

/// Checks the address of a REST host: `https`, or `http` to this machine. Gives it back without a final slash.
pub fn base(url: &str) -> Result<String, &'static str> {
    let (tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        (None, None) => return Err("it must begin with https://"),
    };
    let rest = rest.trim_end_matches('/');
    if rest.contains(['?', '#']) {
        return Err("it must not have a query");
    }
    let (host, _) = host_and_port(rest.split('/').next().unwrap_or(""), 443)?;
    if !tls && !is_loopback(&host) {
        return Err("it must begin with https:// unless it is on this machine");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn host_and_port(authority: &str, default_port: u16) -> Result<(String, u16), &'static str> {
    if authority.contains('@') {
        return Err("it holds credentials before the host");
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        None => return Err("its host is malformed"),
        Some(digits) => digits.parse().map_err(|_| "its port is no number")?,
    };
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(harmless) {
        return Err("its host is malformed");
    }
    Ok((host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<SocketUrl, &'static str> {
        SocketUrl::parse(url.to_owned())
    }

    #[test]
    fn encrypted_addresses_and_this_machine_are_taken() {
        for (url, host, port) in [
            ("wss://a.feishu.cn/ws?x=1", "a.feishu.cn", 443),
            ("wss://a.feishu.cn:8443?x", "a.feishu.cn", 8443),
            ("ws://127.0.0.1:9/ws", "127.0.0.1", 9),
            ("ws://127.8.8.8", "127.8.8.8", 80),
            ("ws://localhost:1/", "localhost", 1),
            ("ws://[::1]:7/", "::1", 7),
        ] {
            let parsed = parse(url).unwrap();
            assert_eq!((parsed.host(), parsed.port()), (host, port));
        }
    }

    #[test]
    fn anything_else_is_not() {
        for url in [
            "ws://a.feishu.cn/",
            "ws://127.0.0.1.evil.example/",
            "ws://localhost.evil.example/",
            "ws://127.0.0.1@evil.example/",
            "https://a.feishu.cn/",
            "wss:///x",
            "wss://a:b/",
            "wss://a b/",
            "wss://[::1/",
            "",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn query_parameters_are_found_and_nothing_is_printed() {
        let url = parse("wss://h/ws?service_id=7&ticket=TICKET#x=1").unwrap();
        assert_eq!(url.query("service_id"), Some("7"));
        assert_eq!(url.query("ticket"), Some("TICKET"));
        assert_eq!(url.query("x"), None);
        assert_eq!(format!("{url:?}"), "SocketUrl(h:443/…)");
    }

    #[test]
    fn a_base_is_encrypted_or_this_machine() {
        assert_eq!(base("https://open.feishu.cn/").unwrap(), "https://open.feishu.cn");
        assert_eq!(base("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        for url in ["http://open.feishu.cn", "ftp://x", "https://u:p@h", "https://h?x=1", ""] {
            assert!(base(url).is_err(), "{url}");
        }
    }
}
