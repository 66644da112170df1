//! Profiles that come, change and go.

use super::*;
use crate::error::{Error, Kind};
use crate::supervisor::Change;

#[tokio::test(start_paused = true)]
async fn a_parked_profile_is_tried_at_once_when_a_person_changes_it() {
    let (parked, old_dials) = seat("alice", vec![Act::Fail(unauthorized()); 10]);
    let (mended, new_dials) = seat("alice", vec![]);
    let stage = stage(vec![parked]).await;
    pass(Duration::from_secs(12)).await;
    stage.root.asker().apply(vec![Change::Changed(mended)]).await.unwrap();
    pass(Duration::from_secs(88)).await;
    assert_eq!(stage.seconds(&old_dials), [0]);
    assert_eq!(stage.seconds(&new_dials), [12]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_written_again_is_a_reason_to_try_for_who_is_not_connected() {
    let (parked, parked_dials) = seat("alice", vec![Act::Fail(unauthorized())]);
    let (connected, connected_dials) = seat("bob", vec![]);
    let stage = stage(vec![parked, connected]).await;
    pass(Duration::from_secs(12)).await;
    let touched = ["alice", "bob"].map(|name| Change::Touched(Arc::from(name)));
    stage.root.asker().apply(touched.into()).await.unwrap();
    pass(Duration::from_secs(100)).await;
    assert_eq!(stage.seconds(&parked_dials), [0, 12]);
    assert_eq!(stage.seconds(&connected_dials), [0]);
    stage.root.end().await;
}

/// The slow retry of the parked life is due at 60 s; by then the profile lives another one and waits for 67 s.
#[tokio::test(start_paused = true)]
async fn a_retry_of_an_earlier_life_is_ignored() {
    let (parked, _) = seat("alice", vec![Act::Fail(unauthorized())]);
    let script = vec![
        Act::Work(Duration::from_secs(40), lost()),
        Act::Fail(lost()),
        Act::Fail(lost()),
        Act::Fail(lost()),
    ];
    let (mended, dials) = seat("alice", script);
    let stage = stage(vec![parked]).await;
    pass(Duration::from_secs(12)).await;
    stage.root.asker().apply(vec![Change::Changed(mended)]).await.unwrap();
    pass(Duration::from_secs(88)).await;
    assert_eq!(stage.seconds(&dials), [12, 53, 55, 59, 67]);
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn profiles_come_change_and_go_without_touching_the_others() {
    let (alice, alice_dials) = seat("alice", vec![]);
    let (bob, bob_dials) = seat("bob", vec![]);
    let mut stage = stage(vec![alice, bob]).await;
    let asker = stage.root.asker();
    pass(Duration::from_secs(10)).await;
    let (carol, carol_dials) = seat("carol", vec![]);
    let (bob_again, bob_again_dials) = seat("bob", vec![]);
    asker.apply(vec![Change::Added(carol), Change::Changed(bob_again)]).await.unwrap();
    pass(Duration::from_secs(10)).await;
    asker.apply(vec![Change::Removed(Arc::from("bob"))]).await.unwrap();
    pass(Duration::from_secs(200)).await;
    assert_eq!(stage.seconds(&alice_dials), [0]);
    assert_eq!(stage.seconds(&carol_dials), [10]);
    assert_eq!((stage.seconds(&bob_dials), stage.seconds(&bob_again_dials)), (vec![0], vec![10]));
    let names: Vec<String> =
        asker.profiles().await.unwrap().into_iter().map(|profile| profile.profile).collect();
    assert_eq!(names, ["alice", "carol"]);
    let lines = stage.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str()), ("bob", "rooma.stopped"));
    assert_eq!(lines[0].2["reason"], "removed");
    stage.root.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_parked_profile_now_is_told_and_a_connected_one_is_left_alone() {
    let (parked, _) = seat("a", vec![Act::Fail(unauthorized())]);
    let (connected, dials) = seat("b", vec![]);
    let mut stage = stage(vec![parked, connected]).await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(stage.lines().len(), 1);
    let error = Error::new(Kind::Config, "profiles/a.yaml: unknown key `appid`").hint("app_id");
    let failed = ["a", "b"].map(|name| Change::Failed(Arc::from(name), error.clone()));
    stage.root.asker().apply(failed.into()).await.unwrap();
    pass(Duration::from_secs(1)).await;
    let lines = stage.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str()), ("a", "rooma.parked"));
    assert_eq!(lines[0].2["hint"], "app_id");
    assert_eq!(stage.seconds(&dials), [0]);
    stage.root.end().await;
}
