//! What is written for the system's manager, and how it quotes.

/// A supervisor as a service.
pub struct Service<'a> {
    pub name: &'a str,
    /// The program's absolute path.
    pub program: &'a str,
    /// The home's.
    pub home: &'a str,
}

/// A systemd user unit. No PrivateTmp: the locks on apps are in /tmp, and hold for the whole machine.
pub fn unit(service: &Service<'_>) -> String {
    let Service { program, home, .. } = service;
    format!(
        "# Written by `rooma service install`, which writes it anew. For changes of your own: systemctl --user edit\n\
         [Unit]\n\
         Description=rooma, chat presence of the bots in {described}\n\
         \n\
         [Service]\n\
         Type=notify\n\
         NotifyAccess=main\n\
         ExecStart={program} monitor --detached --home {argument}\n\
         WorkingDirectory={folder}\n\
         # A platform that cannot be reached yet is no failed start.\n\
         TimeoutStartSec=infinity\n\
         TimeoutStopSec=15s\n\
         Restart=on-failure\n\
         RestartSec=5s\n\
         # Arguments, configuration, a second supervisor: no restart mends those.\n\
         RestartPreventExitStatus=2 3 7\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         LockPersonality=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         SystemCallArchitectures=native\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        described = specifiers(home),
        program = quoted(&specifiers(program)),
        argument = quoted(&specifiers(home).replace('$', "$$")),
        folder = specifiers(home),
    )
}

/// `%h` and the like are expanded everywhere in a unit.
fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// A word of a command line. The program itself is not searched for variables, its arguments are.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A launchd agent.
pub fn agent(service: &Service<'_>) -> String {
    let Service { name, program, home } = service;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{name}</string>
	<key>ProgramArguments</key>
	<array>
		<string>{program}</string>
		<string>monitor</string>
		<string>--detached</string>
		<string>--home</string>
		<string>{home}</string>
	</array>
	<key>WorkingDirectory</key>
	<string>{home}</string>
	<key>StandardErrorPath</key>
	<string>{home}/data/log/service.log</string>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>Umask</key>
	<integer>63</integer>
</dict>
</plist>
"#,
        name = escaped(name),
        program = escaped(program),
        home = escaped(home),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: Service<'_> = Service {
        name: "rooma-bots-0123abcd",
        program: r#"/opt/r%oo "ma"/b$in/rooma"#,
        home: r#"/home/ann/my bots 100%/a\b$HOME"<&>"#,
    };

    fn line<'a>(text: &'a str, key: &str) -> &'a str {
        text.lines().find_map(|line| line.strip_prefix(key)).unwrap()
    }

    #[test]
    fn a_unit_is_as_it_was_agreed() {
        let plain = Service { name: "n", program: "/usr/bin/rooma", home: "/home/ann/bots" };
        assert_eq!(unit(&plain), include_str!("../../../tests/fixtures/service/rooma.service"));
        assert_eq!(agent(&plain), include_str!("../../../tests/fixtures/service/rooma.plist"));
    }

    #[test]
    fn spaces_quotes_and_signs_reach_the_program_as_they_are() {
        let unit = unit(&ODD);
        assert_eq!(
            line(&unit, "ExecStart="),
            r#""/opt/r%%oo \"ma\"/b$in/rooma" monitor --detached --home "/home/ann/my bots 100%%/a\\b$$HOME\"<&>""#
        );
        assert_eq!(line(&unit, "WorkingDirectory="), r#"/home/ann/my bots 100%%/a\b$HOME"<&>"#);
        let agent = agent(&ODD);
        assert!(
            agent.contains(r#"<string>/home/ann/my bots 100%/a\b$HOME"&lt;&amp;&gt;</string>"#),
            "{agent}"
        );
        assert!(agent.contains(r#"<string>/opt/r%oo "ma"/b$in/rooma</string>"#));
    }
}
