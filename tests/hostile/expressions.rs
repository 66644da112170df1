//! `--jq`: an expression that takes all there is takes it from nobody else.

use rooma::sandbox::Say;
use serde_json::Value;

use crate::support::{Monitor, World, seq, text};
use crate::table::Table;

/// What each of them would take: memory, stack or time without an end.
const BOMBS: [(&str, &str); 14] = [
    ("[range(1e9)]", "memory"),
    ("[limit(1e8; repeat(\"aaaaaaaaaaaaaaaa\"))]", "memory"),
    ("reduce range(60) as $i (\"x\"; . + .)", "memory"),
    ("\"x\" * 1000000000", "memory"),
    ("[range(1e5)] | [., .] | [., .] | [.[] | tojson] | add | . * 1000", "memory"),
    ("def f: [f]; f", "nests too deeply"),
    ("def f: 1 + f; f", "nests too deeply"),
    ("reduce range(1e6) as $i (0; [.]) | tojson", ""),
    ("def f: f; f", "longer than 1s"),
    ("until(false; .)", "longer than 1s"),
    ("last(range(1e12))", "longer than 1s"),
    ("repeat(1)", ""),
    ("repeat(\"x\" * 100000)", "results"),
    ("halt", "ends jq itself"),
];

fn said(error: &str) -> Value {
    let line =
        error.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no error in {error:?}"));
    serde_json::from_str::<Value>(line).unwrap()["error"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_ends_what_its_expression_would_not() {
    let world = World::new(1).await;
    let mut table = Table::new("expressions on a verb's value", world.home.path());
    for (code, why) in BOMBS {
        let ran = table.run(code, &mut world.command(&["chats", "--jq", code]));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{code}: {}", ran.stderr);
        let error = said(&ran.stderr);
        let message = error["message"].as_str().unwrap();
        assert_eq!(error["subtype"], "jq", "{error}");
        assert!(message.contains(why), "{code}: {message}");
        assert!(message.contains(code), "the error names the expression: {message}");
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_of_any_depth_is_understood_or_refused_before_anything_is_sent() {
    let world = World::new(1).await;
    let mut table = Table::new("depth of expressions", world.home.path());
    for count in [1_000, 10_000, 60_000] {
        for (open, close) in
            [("[", "]"), ("(", ")"), ("{a:", "}"), ("-", ""), ("if . then ", " end"), ("try ", "")]
        {
            let code = format!("{}1{}", open.repeat(count), close.repeat(count));
            if code.len() > 120_000 {
                continue;
            }
            let send = ["send", "--chat", "lobby", "--text", "hi", &format!("--jq={code}")];
            let ran = table.run(&format!("{count} {open}"), &mut world.command(&send));
            if ran.code != 0 {
                assert_eq!(said(&ran.stderr)["subtype"], "jq", "{}", ran.stderr);
                assert!(ran.stderr.len() < 1000, "{} bytes of error", ran.stderr.len());
            }
        }
    }
    table.finish();
}

/// A verb that has done its work says so, whatever becomes of the filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_is_told_whole_when_its_filter_is_stopped() {
    let world = World::new(1).await;
    let send = ["send", "--chat", "lobby", "--text", "hi", "--jq", "def f: f; f"];
    let (code, stdout, stderr) = crate::support::output(&mut world.command(&send));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["ok"], true);
    assert!(stderr.contains("longer than 1s") && stderr.contains("def f: f; f"), "{stderr}");
}

fn say(world: &World, text: &str) -> String {
    let say = Say { chat: Some("lobby".into()), text: Some(text.into()), ..Say::default() };
    world.sandbox.say(say).unwrap().message_id
}

fn contents(lines: &[Value]) -> Vec<String> {
    lines.iter().filter(|line| line["c"].is_string()).map(|line| text(line, "c")).collect()
}

/// A stranger's text sets off what an agent wrote in good faith: the line is told as failed, those behind it come,
/// and neither this watch nor the next dies of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_text_stops_no_watch_and_no_restart_of_it() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let deep = "[".repeat(7_600);
    let deeper = "[".repeat(29_000);
    let wide = "a".repeat(28_000);
    for hostile in [deep.as_str(), &deeper, &wide] {
        say(&world, hostile);
        say(&world, "after it");
    }
    supervisor.count("message", 6).await;
    for (name, code, failing) in [
        (
            "fromjson",
            "select(.type == \"message\") | {c: .content, j: (.content | try fromjson catch \"bad\")}",
            0..=2,
        ),
        (
            "gsub",
            "select(.type == \"message\") | {c: .content, j: (.content | gsub(\"\"; \"x\") | length)}",
            0..=0,
        ),
        (
            "squares",
            "select(.type == \"message\") | {c: .content, j: (.content as $c | $c | gsub(\".\"; $c) | length)}",
            3..=3,
        ),
        (
            "halves",
            "select(.type == \"message\") | {c: .content, j: (.content | if length > 20000 then def f: f; f else 1 end)}",
            2..=2,
        ),
    ] {
        // The second round is a restart that reads the same lines again.
        for round in 0..2 {
            let arguments = ["watch", "--cursor", name, "--since", "start", "--jq", code];
            let watch = Monitor::spawn(&mut world.command(&arguments));
            watch
                .wait("all that came after", |lines| {
                    contents(lines).iter().filter(|c| *c == "after it").count() == 3
                })
                .await;
            let failed = watch.of_type("rooma.jq_failed");
            assert!(failing.contains(&failed.len()), "{name}, {round}: {failed:?}");
            assert!(
                failed.iter().all(|line| text(line, "message").contains("def")
                    || text(line, "message").contains(".content"))
            );
            for line in &failed {
                assert_eq!(text(line, "event_type"), "message", "{line}");
                let (handle, id) = (format!("s{}", seq(line)), text(line, "message_id"));
                assert_eq!(text(line, "hint"), format!("read it: rooma message {handle}"));
                let (code, stdout, stderr) =
                    crate::support::output(&mut world.command(&["message", &handle]));
                assert!(code == 0 && stdout.contains(&id), "{stdout} {stderr}");
            }
            let seqs: Vec<u64> = failed.iter().map(seq).collect();
            assert!(seqs.is_sorted(), "{seqs:?}");
            let (_, stderr) = watch.terminate().await;
            assert_eq!(stderr, "");
        }
    }
    supervisor.terminate().await;
    Table::new("watches", world.home.path()).done(4);
}

/// What an agent asks every day of a text, which may be as long as a line can be.
const EVERY_DAY: [&str; 12] = [
    r#".content | gsub("a"; "b")"#,
    r#".content | gsub("\\s+"; " ")"#,
    r#".content | gsub("[^a-z]"; "")"#,
    r#".content | gsub("(?<w>[a-z]+)"; "<\(.w)>") | length"#,
    r#".content | sub("^\\s+"; "") | ascii_downcase"#,
    r#".content | split(" ") | join("_")"#,
    r#"[.content | splits("\\s+")] | length"#,
    r#"[.content | scan("[a-z]+")] | length"#,
    r#"[.content | match("\\w+"; "g").string] | length"#,
    r#"[.content | capture("(?<k>\\w+) (?<v>\\w+)"; "g")] | length"#,
    r#".content | [test("zzz$"), test("LOREM"; "i")]"#,
    r#".content | split("\n") | map(select(length > 3)) | join("\n")"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn everyday_expressions_work_on_the_longest_text() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let words = "lorem ipsum dolor sit amet, consectetur\nadipiscing elit a banana aaa  bb ";
    say(&world, &words.repeat(120_000 / words.len()));
    supervisor.count("message", 1).await;
    let mut table = Table::new("everyday expressions on a long text", world.home.path());
    for (number, code) in EVERY_DAY.iter().enumerate() {
        let (cursor, code) = (number.to_string(), format!("select(.type == \"message\") | ({code})"));
        let arguments =
            ["watch", "--cursor", &cursor, "--since", "start", "--max-events", "1", "--jq", &code];
        let ran = table.run(&code, &mut world.command(&arguments));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{code}");
        assert!(!ran.stdout.contains("rooma.jq_failed"), "{code}: {}", ran.stdout);
    }
    supervisor.terminate().await;
    table.finish();
}

/// Every line takes its second, and still each is told when it is over, not at the end of a page.
#[tokio::test(flavor = "multi_thread")]
async fn lines_that_all_overrun_are_told_one_by_one_and_the_cursor_follows() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let bomb = "if .type == \"message\" then [range(1e9)] else .seq end";
    let watch = Monitor::spawn(&mut world.command(&["watch", "--since", "start", "--jq", bomb]));
    for _ in 0..5 {
        say(&world, "x");
    }
    watch.count("rooma.jq_failed", 3).await;
    let pid = watch.child.id();
    assert!(crate::table::memory_of(pid) < 64 * 1024 * 1024);
    watch.count("rooma.jq_failed", 5).await;
    let lines = watch.of_type("rooma.jq_failed");
    assert!(lines.iter().all(|line| text(line, "message").contains("memory")), "{lines:?}");
    let (_, stderr) = watch.terminate().await;
    assert_eq!(stderr, "");
    supervisor.terminate().await;
}

/// The process of an expression goes with its watch, also with one that is killed in the middle of a line.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_watch_leaves_nothing_behind() {
    let world = World::new(1).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(1).await;
    let bomb = "if .type == \"message\" then (def f: f; f) else .seq end";
    let watch = Monitor::spawn(&mut world.command(&["watch", "--since", "start", "--jq", bomb]));
    watch.wait("the first lines", |lines| !lines.is_empty()).await;
    say(&world, "x");
    watch.kill().await;
    supervisor.terminate().await;
    Table::new("a killed watch", world.home.path()).done(1);
}
