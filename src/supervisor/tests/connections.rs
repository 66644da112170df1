//! How connections end, and what follows.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_replaced_with_growing_delays_and_each_end_has_its_line() {
    let (seat, dials) = seat("alice", vec![Act::Fail(lost()), Act::Fail(lost()), Act::Fail(lost())]);
    let mut stage = stage(vec![seat]).await;
    pass(Duration::from_secs(20)).await;
    assert_eq!(stage.seconds(&dials), [0, 1, 3, 7]);
    let lines = stage.lines();
    let said: Vec<(&str, u64, u64)> = lines
        .iter()
        .map(|(_, kind, body)| {
            (kind.as_str(), body["retry_in_ms"].as_u64().unwrap(), body["attempt"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        said,
        [("rooma.disconnected", 1000, 1), ("rooma.disconnected", 2000, 2), ("rooma.disconnected", 4000, 3)]
    );
    stage.root.end().await;
}

/// Half an hour with everything that happens to a laptop: flaps, a long stable stretch, silence, refusals.
#[tokio::test(start_paused = true)]
async fn half_an_hour_of_trouble_ends_connected() {
    let silent = End::Silent { quiet_for: Duration::from_secs(15) };
    let slept = End::Lost { reason: "woke from sleep".into() };
    let busy =
        End::Refused { code: Some(1), message: "busy".into(), retry_after: Some(Duration::from_secs(9)) };
    let (seat, dials) = seat(
        "alice",
        vec![
            Act::Fail(lost()),                           // 0, next after 1 s
            Act::Work(Duration::from_secs(30), lost()),  // 1..31, unstable: next after 2 s
            Act::Work(Duration::from_secs(600), silent), // 33..633, stable: next after 1 s
            Act::Work(Duration::from_secs(300), slept),  // 634..934, stable: next after 1 s
            Act::Fail(busy),                             // 935, the server's 9 s
            Act::Fail(lost()),                           // 944, next after 4 s
        ],
    );
    let mut stage = stage(vec![seat]).await;
    pass(Duration::from_secs(1800)).await;
    assert_eq!(stage.seconds(&dials), [0, 1, 33, 634, 935, 944, 948]);
    assert_eq!(stage.lines().len(), 6);
    stage.root.stop(Duration::from_secs(1)).await;
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_profile_s_trouble_is_its_own() {
    let (wrong, wrong_dials) = seat("wrong", vec![Act::Fail(unauthorized()); 10]);
    let (crashing, crash_dials) = seat("crashing", vec![Act::Panic; 20]);
    let (fine, fine_dials) = seat("fine", vec![]);
    let mut stage = stage(vec![wrong, crashing, fine]).await;
    pass(Duration::from_secs(50)).await;
    assert_eq!(stage.seconds(&fine_dials), [0]);
    assert_eq!(stage.seconds(&wrong_dials), [0]);
    let lines = stage.lines();
    let of = |name: &str| lines.iter().filter(|(who, ..)| who == name).collect::<Vec<_>>();
    assert_eq!(of("fine").len(), 0);
    assert_eq!(of("wrong").len(), 1);
    let (_, kind, body) = of("wrong")[0];
    assert_eq!(
        (kind.as_str(), body["hint"].as_str(), body["retry_in_ms"].as_u64()),
        ("rooma.parked", Some("check it"), Some(60_000))
    );
    // 0, 1, 3, 7, 15 s: five crashes within 30 s, then parked.
    assert_eq!(stage.seconds(&crash_dials), [0, 1, 3, 7, 15]);
    let crashes: Vec<&str> = of("crashing").iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(crashes, ["rooma.crashed", "rooma.crashed", "rooma.crashed", "rooma.crashed", "rooma.parked"]);
    assert_eq!(of("crashing")[0].2["reason"], "crashed: injected");
    pass(Duration::from_secs(30)).await;
    assert_eq!(stage.seconds(&wrong_dials), [0, 60]);
    stage.root.end().await;
}

/// A report that comes after its connection has ended says nothing about the next one.
#[tokio::test(start_paused = true)]
async fn a_report_of_an_earlier_life_is_ignored() {
    let dials = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&dials);
    let dial: Dial = Arc::new(move |life| {
        seen.lock().unwrap().push(Instant::now());
        let number = seen.lock().unwrap().len();
        Box::pin(async move {
            if number == 1 {
                tokio::spawn(async move {
                    sleep(Duration::from_secs(10)).await;
                    (life.voice.report)(Report::Usable);
                });
                return lost();
            }
            // Never usable, however long it lasts.
            sleep(Duration::from_secs(100)).await;
            lost()
        })
    });
    let seat = seat_of("alice", dial);
    let stage = stage(vec![seat]).await;
    pass(Duration::from_secs(230)).await;
    // The delay grows from 1 to 2 and 4 seconds: nothing was stable.
    assert_eq!(stage.seconds(&dials), [0, 1, 103, 207]);
    stage.root.end().await;
}
