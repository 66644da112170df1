use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Speak(usize),
    Foreign(usize),
    Person,
    Restart,
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..4_usize).prop_map(Step::Speak),
        4 => (0..2_usize).prop_map(Step::Foreign),
        1 => Just(Step::Person),
        1 => Just(Step::Restart),
        2 => (0..30_000_i64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn ours_never_speak_beyond_the_limit_without_a_person(steps in steps()) {
        let mut guard = Guard::default();
        guard.meet("f0");
        let (mut in_a_row, mut now) = (0_usize, 0_i64);
        for (number, step) in steps.into_iter().enumerate() {
            now += 10;
            let (id, text) = (format!("om_{number}"), format!("text {number} {}", number * 7));
            let had = guard.paused().cloned();
            match step {
                Step::Speak(bot) => {
                    let spoke = guard.speak(&format!("b{bot}"), &text, &id, now, LIMITS);
                    if spoke.is_ok() {
                        // A cool-down that is over begins a new count.
                        in_a_row = if had.is_some() { 1 } else { in_a_row + 1 };
                        guard.sent(&format!("b{bot}"), &id, &id, Some(&at(now)));
                        prop_assert!(in_a_row <= LIMITS.turns, "{} in a row", in_a_row);
                    }
                }
                Step::Foreign(bot) => {
                    let bot = format!("f{bot}");
                    guard.hear(heard(&id, Who::Bot(&bot), &text, &at(now)), now, LIMITS);
                    in_a_row += 1;
                }
                Step::Person => {
                    guard.hear(heard(&id, Who::Person, "hi", &at(now)), now, LIMITS);
                    in_a_row = 0;
                    prop_assert!(guard.paused().is_none(), "a person resumes");
                }
                Step::Restart => {
                    let text = serde_json::to_string(&guard).unwrap();
                    guard = serde_json::from_str(&text).unwrap();
                }
                Step::Wait(ms) => now += ms,
            }
        }
    }
}
