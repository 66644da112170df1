//! The real tree over the real protocol, on pipes.

use super::*;

/// The real tree with real connections over pipes: heartbeats, silence, sleep, a close, another interval.
#[tokio::test(start_paused = true)]
async fn half_an_hour_of_heartbeats_silence_sleep_and_reconnects() {
    use crate::transport::feishu::stage::{Beat, Seen, platform};
    use crate::transport::{Identity, Limits, Shared, Transport, feishu};

    const MINUTE: Duration = Duration::from_secs(60);
    let clock = Clock::simulated(1_767_225_600_000);
    let identity = Identity {
        profile: Arc::from("alice"),
        transport: Transport::Feishu,
        app_id: "cli_1".to_owned(),
        app_secret: "secret".to_owned().into(),
        base_url: None,
        siblings: Default::default(),
        sights: Default::default(),
    };
    let account =
        feishu::Account::new(identity, Shared::new(clock.clone(), Limits::default()).unwrap()).unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let days = Arc::new(Mutex::new(VecDeque::from([
        // 0: works for ten minutes, then says nothing: pinged at 630 s, given up at 645 s.
        vec![Beat::Serve(10 * MINUTE), Beat::Mute(10 * MINUTE)],
        // 646 s: works until the machine sleeps at 960 s.
        vec![Beat::Serve(20 * MINUTE)],
        // Closed by the platform after 20 s, too early to count as stable.
        vec![Beat::Serve(Duration::from_secs(20)), Beat::Close(1001)],
        // Gone without a word at once.
        vec![Beat::Drop],
        // Asks for a ping every 30 s and stays.
        vec![Beat::Configure(30), Beat::Serve(60 * MINUTE)],
    ])));
    let dial: Dial = {
        let (seen, clock_account) = (Arc::clone(&seen), account.clone());
        Arc::new(move |life| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let beats = days.lock().unwrap().pop_front().expect("no more connections than planned");
            tokio::spawn(platform(theirs, beats, Arc::clone(&seen)));
            let account = clock_account.clone();
            Box::pin(async move { account.run_over(life, ours).await })
        })
    };
    let (appender, mut inbox) = Appender::for_test();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Some(batch) = inbox.next().await {
            for entry in &batch.entries {
                written.lock().unwrap().push((entry.rendered.type_name, entry.rendered.body.clone()));
            }
            batch.settle(Ok(crate::journal::Appended::Fresh));
        }
    });
    let policy = Policy { jitter: 0.0, ..Policy::default() };
    let seat = seat_of("alice", dial);
    let root = Root::start(appender, policy, clock.clone(), vec![seat], None).await.unwrap();
    root.begin();

    pass(Duration::from_secs(960)).await;
    clock.sleep_machine(Duration::from_secs(3600));
    pass(Duration::from_secs(30 * 60 - 960)).await;

    let lines = lines.lock().unwrap().clone();
    let ends: Vec<&str> = lines
        .iter()
        .filter(|(type_name, _)| *type_name == "rooma.disconnected")
        .map(|(_, body)| body.as_str())
        .collect();
    let wanted =
        [("silent", 1000), ("lost: woke from sleep", 1000), ("closed: 1001 bye", 2000), ("lost", 4000)];
    assert_eq!(ends.len(), wanted.len(), "{ends:#?}");
    for (end, (reason, delay)) in ends.iter().zip(wanted) {
        assert!(end.starts_with(&format!("\"reason\":\"{reason}")), "{end}, wanted {reason}");
        assert!(end.contains(&format!("\"retry_in_ms\":{delay}")), "{end}, wanted {delay}");
    }
    let seen = seen.lock().unwrap().clone();
    let messages = lines.iter().filter(|(type_name, _)| *type_name == "message").count();
    // One a minute: ten or so, five, none, none, thirteen.
    assert!((26..=30).contains(&seen.pushed), "{seen:?}");
    assert_eq!((messages, seen.acked), (seen.pushed, seen.pushed), "{seen:?}");
    // 8 of the first connection, 4 of the second, 1, 1 at most, and one every 30 s of the last 800 s.
    assert!((36..=44).contains(&seen.pings), "{seen:?}");
    root.stop(Duration::from_secs(2)).await;
    root.end().await;
}
