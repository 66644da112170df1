use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Arm(u32),
    End(usize),
    EndAny,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..4_u32).prop_map(Step::Arm),
        (0..6_usize).prop_map(Step::End),
        Just(Step::EndAny),
        Just(Step::Clear),
    ];
    proptest::collection::vec(step, 0..30)
}

proptest! {
    #[test]
    fn no_session_has_two_farewells(steps in steps()) {
        let mut sessions = Sessions::default();
        let (mut ids, mut ended) = (Vec::new(), Vec::new());
        for (number, step) in steps.into_iter().enumerate() {
            let now = i64::try_from(number).unwrap();
            match step {
                Step::Arm(pid) => {
                    sessions.arm(arming(&format!("s{number}"), pid, &["a"]), now);
                    ids.push(sessions.session.as_ref().unwrap().id.clone());
                }
                Step::End(index) => {
                    if let Some(id) = ids.get(index).cloned()
                        && sessions.end(Some(&id), &Ending::OwnerGone, now)
                    {
                        ended.push(id);
                    }
                }
                Step::EndAny => {
                    let id = sessions.session.as_ref().map(|session| session.id.clone());
                    if sessions.end(None, &Ending::TimeOver, now) {
                        ended.extend(id);
                    }
                }
                Step::Clear => drop(sessions.clear(None)),
            }
        }
        let mut once = ended.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), ended.len());
    }
}
