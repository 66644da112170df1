//! Profiles that come, change and go while the supervisor runs.

use serde_json::Value;

use crate::support::{World, output, text};

fn json(out: (i32, String, String)) -> (i32, Value) {
    let (code, stdout, stderr) = out;
    (code, serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}")))
}

/// The profile's file, out of the way.
fn take_away(world: &World, name: &str) -> String {
    let path = world.home.path().join(format!("profiles/{name}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_changes_or_goes_takes_effect_and_the_others_notice_nothing() {
    let world = World::new(3).await;
    let third = take_away(&world, "b2");
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;

    // Noticed without being asked.
    world.write("profiles/b2.yaml", &third);
    monitor.connected(3).await;
    world.say("lobby", "to all three");
    monitor.count("message", 3).await;

    // Asked, it is told what became of them.
    take_away(&world, "b1");
    let second = std::fs::read_to_string(world.home.path().join("profiles/b2.yaml")).unwrap();
    world.write("profiles/b2.yaml", &format!("{second}bot: Helper\n"));
    let (code, told) = json(output(&mut world.command(&["reload"])));
    assert_eq!(code, 0);
    let outcome = |name: &str| {
        let profiles = told["profiles"].as_array().unwrap();
        profiles.iter().find(|profile| profile["profile"] == name).map(|profile| text(profile, "outcome"))
    };
    assert_eq!((outcome("b0"), outcome("b1").as_deref()), (None, Some("removed")), "{told}");
    assert_eq!(outcome("b2").as_deref(), Some("changed"), "{told}");
    monitor.connected(4).await;
    monitor.count("rooma.stopped", 1).await;

    // A broken one is told and leaves what stands.
    world.write("profiles/b2.yaml", "transport: feishu\nappid: x\n");
    let (code, told) = json(output(&mut world.command(&["reload"])));
    assert_eq!((code, &told["ok"]), (1, &Value::Bool(false)), "{told}");
    assert!(text(&told["profiles"][0]["error"], "message").contains("appid"), "{told}");
    let before = monitor.of_type("message").len();
    world.say("lobby", "to the two that stay");
    monitor.count("message", before + 2).await;

    let (lines, _) = monitor.terminate().await;
    let of = |profile: &str, type_name: &str| {
        lines.iter().filter(|line| line["profile"] == profile && line["type"] == type_name).count()
    };
    assert_eq!((of("b0", "rooma.connecting"), of("b0", "rooma.disconnected")), (1, 0));
    assert_eq!((of("b2", "rooma.connecting"), of("b2", "rooma.disconnected")), (2, 0));
    assert_eq!((of("b1", "rooma.stopped"), of("b1", "rooma.connecting")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn up_adds_a_profile_to_those_that_run() {
    let world = World::new(2).await;
    let (code, first) = json(output(&mut world.command(&["up", "--profile", "b0"])));
    assert_eq!((code, first["profiles"].as_array().unwrap().len()), (0, 1), "{first}");
    let (code, both) = json(output(&mut world.command(&["up", "--profile", "b1"])));
    assert_eq!((code, &both["pid"]), (0, &first["pid"]), "{both}");
    let states: Vec<String> =
        both["profiles"].as_array().unwrap().iter().map(|profile| text(profile, "state")).collect();
    assert_eq!(states, ["connected", "connected"]);
    let (code, _, stderr) = output(&mut world.command(&["up", "--profile", "nobody"]));
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("there is no profile `nobody`"), "{stderr}");
    assert_eq!(output(&mut world.command(&["down"])).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_free_for_another_home_once_its_profile_is_gone() {
    let world = World::new(2).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("profiles")).unwrap();
    let file = take_away(&world, "b1");
    assert_eq!(output(&mut world.command(&["reload"])).0, 0);
    monitor.count("rooma.stopped", 1).await;
    let path = elsewhere.path().join("profiles/mine.yaml");
    std::fs::write(&path, file).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let other = crate::support::Monitor::spawn(crate::support::program(elsewhere.path()).arg("monitor"));
    other.connected(1).await;
    other.terminate().await;
    monitor.terminate().await;
}

/// A verb's error is of the file as it is, not as the supervisor saw it last.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_about_a_secret_is_about_the_one_that_is_there_now() {
    let world = World::new(2).await;
    let supervisor = world.monitor(&[]);
    supervisor.connected(2).await;
    let whole = std::fs::read_to_string(world.home.path().join("profiles/b1.yaml")).unwrap();
    let (begin, secret) = whole.split_once("app_secret: ").unwrap();
    let (secret, rest) = secret.split_once('\n').unwrap();
    let put = |source: &str| {
        world.write("profiles/b1.yaml", &format!("{begin}app_secret: {source}\n{rest}"));
    };
    let chats = || output(&mut world.command(&["chats", "--profile", "b1"]));
    for number in 0..4 {
        put(&format!("{{file: gone-{number}}}"));
        output(&mut world.command(&["reload"]));
        put(&format!("{{file: lost-{number}}}"));
        let (code, _, stderr) = chats();
        assert!(code == 3 && stderr.contains(&format!("lost-{number}")), "{code} {stderr}");
    }
    put("[");
    let (code, _, stderr) = chats();
    assert!(code == 3 && stderr.contains("profiles/b1.yaml"), "{code} {stderr}");
    put(secret);
    let (code, stdout, stderr) = chats();
    assert_eq!(code, 0, "{stdout}{stderr}");
    supervisor.terminate().await;
}

/// A slip in a name would cut people off, and nobody would know why.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_nobody_is_said() {
    let world = World::new(1).await;
    let profile = std::fs::read_to_string(world.home.path().join("profiles/b0.yaml")).unwrap();
    world.write("config/contacts.yaml", "users: {ann: ou_1}\n");
    world.write("profiles/b0.yaml", &format!("{profile}owner: ann\nallow: {{people: [ann, lii, ou_2]}}\n"));
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let (_, stderr) = monitor.terminate().await;
    assert!(stderr.contains("allow.people: `lii` is nobody this profile knows"), "{stderr}");
    assert!(!stderr.contains("owner:") && !stderr.contains("`ou_2`"), "{stderr}");
}

/// Each profile's bot, told something, as the lines say.
async fn bots_are(world: &World, monitor: &crate::support::Monitor, expected: &[(&str, &str)]) {
    for (bot, profile) in expected {
        let id = world.tell(bot, "who are you?");
        let arrived = |lines: &[Value]| {
            lines.iter().any(|line| line["message_id"] == *id && line["profile"] == *profile)
        };
        monitor.wait(&format!("{bot} is {profile}"), arrived).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_renamed_connects_under_its_new_name_by_itself() {
    let world = World::new(2).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let path = |name: &str| world.home.path().join(format!("profiles/{name}.yaml"));
    std::fs::rename(path("b1"), path("dave")).unwrap();
    monitor.connected(3).await;
    bots_are(&world, &monitor, &[("b0", "b0"), ("b1", "dave")]).await;
    let (code, status) = json(output(&mut world.command(&["status"])));
    let names: Vec<String> =
        status["profiles"].as_array().unwrap().iter().map(|profile| text(profile, "profile")).collect();
    assert_eq!((code, names), (0, vec!["b0".to_owned(), "dave".to_owned()]), "{status}");
    let (_, stderr) = monitor.terminate().await;
    assert!(!stderr.contains("is held by"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_profiles_may_swap_their_apps() {
    let world = World::new(2).await;
    let monitor = world.monitor(&[]);
    monitor.connected(2).await;
    let path = |name: &str| world.home.path().join(format!("profiles/{name}"));
    std::fs::rename(path("b0.yaml"), path("aside")).unwrap();
    std::fs::rename(path("b1.yaml"), path("b0.yaml")).unwrap();
    std::fs::rename(path("aside"), path("b1.yaml")).unwrap();
    let (code, told) = json(output(&mut world.command(&["reload"])));
    assert_eq!((code, &told["ok"]), (0, &Value::Bool(true)), "{told}");
    monitor.connected(4).await;
    bots_are(&world, &monitor, &[("b0", "b1"), ("b1", "b0")]).await;
    let (_, stderr) = monitor.terminate().await;
    assert!(!stderr.contains("same app_id"), "{stderr}");
}

/// Another home holds the app for a while: nobody touches the file meanwhile, and nobody has to.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_in_one_look_is_tried_again_and_told_once() {
    let world = World::new(2).await;
    let second = take_away(&world, "b1");
    let monitor = world.monitor(&[]);
    monitor.connected(1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("profiles")).unwrap();
    let theirs = elsewhere.path().join("profiles/mine.yaml");
    std::fs::write(&theirs, &second).unwrap();
    std::fs::set_permissions(&theirs, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let other = crate::support::Monitor::spawn(crate::support::program(elsewhere.path()).arg("monitor"));
    other.connected(1).await;
    world.write("profiles/b1.yaml", &second);
    crate::support::until("it is told", || monitor.stderr().contains("is held by")).await;
    other.terminate().await;
    monitor.connected(2).await;
    bots_are(&world, &monitor, &[("b1", "b1")]).await;
    let (_, stderr) = monitor.terminate().await;
    assert_eq!(stderr.matches("is held by").count(), 1, "{stderr}");
}
