//! What runs are about, and what the dice decide for a whole run.

use std::ops::Range;

use chrono::Duration;

use crate::baton::Pace;
use crate::service::Weather;
use crate::world::{ACTORS, ELSEWHERE, KINDS, USUAL_CARDS};

/// What a run is about: some things that must come together are too rare if everything happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Everything, and the dice decide how much of it.
    Everything,
    /// Requests arrive late, and jobs die after they have sent them.
    LateRequests,
    /// Processes stand still for about as long as a portion may take, and requests arrive late.
    Frozen,
    /// Two jobs and a card that is to be created, and processes that stand still.
    TwoJobs,
    /// Nearly all requests succeed; sessions meet at the same card.
    Contention,
    /// New cards, and answers that do not say whether they were created.
    Creations,
    /// Points that come due later, and nightly jobs that die.
    Accruals,
    /// A card shows the points of another one.
    Related,
    /// A card is replaced by another one of the same customer.
    Replaced,
    /// A person gives cards the ids of others.
    Mistakes,
    /// The base stops keeping the cards for a while, and cards are marked for deletion and unmarked.
    Paused,
    /// The extension is new: the ids stand in a file, and a person says when the register is complete.
    FirstDays,
    /// Somebody works in a copy of the base, or in a node that does not keep the cards.
    Elsewhere,
    /// The base is restored from a backup.
    Restored,
    /// Creations without an answer, and walks over the service's cards.
    Walks,
    /// The same, and a person who chooses another template and the former one again.
    Templates,
    /// The service does not answer for a while, or wants to be left alone.
    Outages,
    /// Servers and tills whose clocks differ by minutes, and requests that arrive late.
    Clocks,
    /// Two customers have given the same phone.
    Family,
}

impl Theme {
    /// The themes in the order of the seeds.
    const ALL: [Theme; 20] = [
        Theme::Everything,
        Theme::LateRequests,
        Theme::Contention,
        Theme::Everything,
        Theme::Creations,
        Theme::Frozen,
        Theme::TwoJobs,
        Theme::Accruals,
        Theme::Related,
        Theme::Replaced,
        Theme::Mistakes,
        Theme::Paused,
        Theme::FirstDays,
        Theme::Elsewhere,
        Theme::Restored,
        Theme::Walks,
        Theme::Templates,
        Theme::Outages,
        Theme::Clocks,
        Theme::Family,
    ];

    /// The theme of a run that has no other.
    pub fn of(seed: u64) -> Theme {
        Theme::ALL[(seed / KINDS as u64) as usize % Theme::ALL.len()]
    }
}

/// How far the clock jumps, in seconds, and how often.
pub type Jumps = &'static [(u32, Range<i64>)];

const ANY_TIME: Jumps = &[(4, 1..20), (2, 60..200), (2, 1_000..3_600), (1, 2_600..3_000), (1, 3_000..30_000)];
const MOMENTS: Jumps = &[(6, 1..10), (1, 60..100)];
const MINUTES: Jumps = &[(1, 30..200)];
const HOURS: Jumps = &[(1, 1..10), (2, 1_000..8_000)];
const A_PORTIONS_TIME: Jumps = &[(1, 1..10), (2, 440..520)];

/// What the dice have decided for a whole run.
#[derive(Debug, Clone)]
pub struct Habits {
    /// How often actors stop.
    pub pace: Pace,
    /// What becomes of requests.
    pub weather: Weather,
    /// Chance of a crash when an actor is to go on.
    pub crash: f64,
    /// Chance that a lock is not granted in time.
    pub time_out: f64,
    /// How often each actor has its turn.
    pub turns: [u32; ACTORS.len()],
    /// How often time passes, and how much.
    pub clock: u32,
    /// See [`Habits::clock`].
    pub jumps: Jumps,
    /// How often a late request arrives.
    pub late: u32,
    /// How many of ten sales bring points that come due later.
    pub accruals: u32,
    /// Which cards take part.
    pub cards: Range<usize>,
    /// How long it goes on.
    pub steps: usize,
}

impl Habits {
    /// Throws the dice for a run of this theme.
    pub fn draw(theme: Theme, dice: &mut fastrand::Rng) -> Habits {
        let pick = |dice: &mut fastrand::Rng, values: &[f64]| values[dice.usize(..values.len())];
        let weight = |dice: &mut fastrand::Rng, most: u32| if dice.bool() { dice.u32(1..=most) } else { 0 };
        let mut habits = Habits {
            pace: Pace { at_turning_points: pick(dice, &[0.1, 0.3, 0.6]), elsewhere: pick(dice, &[0.0, 0.01, 0.05]) },
            weather: Weather {
                success: dice.u32(2..8),
                refused: weight(dice, 2),
                rate_limited: weight(dice, 1),
                unreachable: weight(dice, 1),
                failed: weight(dice, 2),
                answer_lost: weight(dice, 3),
                late: weight(dice, 5),
            },
            crash: pick(dice, &[0.0, 0.03, 0.1]),
            time_out: pick(dice, &[0.0, 0.2, 0.6]),
            turns: [6, 4, 4, 2, 1, 2, 0],
            clock: dice.u32(1..6),
            jumps: ANY_TIME,
            late: dice.u32(1..4),
            accruals: 1,
            cards: 0..USUAL_CARDS,
            steps: dice.usize(40..100),
        };
        for turn in &mut habits.turns[1..ELSEWHERE] {
            *turn = dice.u32(0..=*turn * 2);
        }
        // One card: what happens, happens to it.
        let one = dice.usize(..2);
        let one = one..one + 1;
        match theme {
            Theme::Everything => habits,
            Theme::LateRequests => Habits {
                pace: Pace { at_turning_points: pick(dice, &[0.15, 0.3]), elsewhere: 0.0 },
                weather: Weather { success: 5, late: 4, answer_lost: 1, failed: 1, ..Weather::CALM },
                crash: 0.3,
                time_out: 0.0,
                turns: [5, 4, 4, 1, 0, 2, 0],
                clock: 1,
                jumps: MOMENTS,
                late: 1,
                cards: 0..1,
                steps: dice.usize(60..120),
                ..habits
            },
            Theme::Frozen => Habits {
                weather: Weather { success: 2, late: 3, answer_lost: 1, ..Weather::CALM },
                crash: 0.2,
                time_out: 0.0,
                turns: [5, 5, 4, 0, 0, 1, 0],
                clock: 3,
                jumps: A_PORTIONS_TIME,
                late: 1,
                cards: 0..1,
                ..habits
            },
            Theme::TwoJobs => Habits {
                pace: Pace { at_turning_points: 0.3, elsewhere: 0.0 },
                weather: Weather { success: 3, answer_lost: 2, failed: 1, ..Weather::CALM },
                crash: 0.02,
                time_out: 0.0,
                turns: [5, 5, 2, 0, 0, 1, 0],
                clock: 2,
                jumps: A_PORTIONS_TIME,
                cards: 1..2,
                ..habits
            },
            Theme::Contention => Habits {
                pace: Pace { at_turning_points: pick(dice, &[0.2, 0.4]), ..habits.pace },
                weather: Weather { success: 6, answer_lost: dice.u32(..3), ..Weather::CALM },
                crash: 0.01,
                turns: [6, 1, 5, 1, 0, 3, 0],
                clock: 1,
                jumps: MOMENTS,
                cards: one,
                steps: dice.usize(80..140),
                ..habits
            },
            Theme::Creations => Habits {
                weather: Weather { success: 3, refused: 1, failed: 2, answer_lost: 4, late: 1, ..Weather::CALM },
                time_out: pick(dice, &[0.0, 0.6]),
                turns: [6, 2, 3, 1, 0, 3, 0],
                cards: 1..3,
                ..habits
            },
            Theme::Accruals => Habits {
                weather: Weather { success: 6, failed: 1, ..Weather::CALM },
                crash: 0.15,
                turns: [3, 0, 3, 1, 4, 0, 0],
                cards: one,
                accruals: 6,
                ..habits
            },
            Theme::Related => Habits {
                weather: Weather { success: 6, failed: 1, ..Weather::CALM },
                turns: [6, 1, 5, 2, 0, 1, 0],
                clock: 2,
                cards: 0..1,
                ..habits
            },
            Theme::Replaced => Habits {
                weather: Weather { success: 6, late: 3, answer_lost: 1, ..Weather::CALM },
                crash: 0.1,
                turns: [6, 2, 5, 1, 1, 3, 0],
                clock: 2,
                late: 1,
                jumps: MOMENTS,
                cards: 0..1,
                accruals: 0,
                ..habits
            },
            Theme::Mistakes => Habits {
                pace: Pace { at_turning_points: 0.5, elsewhere: pick(dice, &[0.0, 0.05]) },
                weather: Weather { success: 6, ..Weather::CALM },
                crash: 0.0,
                time_out: 0.0,
                turns: [6, 0, 1, 1, 0, 6, 0],
                clock: 1,
                ..habits
            },
            Theme::Paused => Habits {
                weather: Weather { success: 4, answer_lost: 4, ..Weather::CALM },
                crash: 0.02,
                turns: [5, 0, 6, 1, 1, 4, 0],
                clock: 3,
                jumps: MINUTES,
                cards: 0..1,
                accruals: 0,
                ..habits
            },
            Theme::Elsewhere => Habits {
                weather: Weather { success: 6, answer_lost: 1, ..Weather::CALM },
                turns: [4, 1, 4, 1, 0, 1, 6],
                cards: 0..2,
                ..habits
            },
            Theme::Restored => Habits {
                weather: Weather { success: 6, answer_lost: 1, late: 1, ..Weather::CALM },
                turns: [6, 1, 6, 1, 1, 3, 0],
                clock: 2,
                jumps: MINUTES,
                accruals: 0,
                ..habits
            },
            Theme::Walks => Habits {
                weather: Weather { success: 5, failed: 2, answer_lost: 2, late: 2, ..Weather::CALM },
                crash: 0.02,
                time_out: 0.0,
                turns: [5, 0, 2, 1, 5, 1, 0],
                clock: 2,
                late: 1,
                cards: 1..3,
                ..habits
            },
            Theme::Templates => Habits {
                pace: Pace { at_turning_points: pick(dice, &[0.0, 0.1]), elsewhere: 0.0 },
                weather: Weather { success: 6, failed: 1, answer_lost: 2, ..Weather::CALM },
                crash: 0.05,
                time_out: 0.0,
                turns: [4, 0, 2, 1, 6, 4, 0],
                clock: 4,
                jumps: HOURS,
                cards: 1..3,
                ..habits
            },
            Theme::Outages => Habits {
                weather: Weather { success: 5, rate_limited: 1, failed: 1, ..Weather::CALM },
                crash: 0.02,
                time_out: 0.0,
                turns: [6, 2, 5, 1, 4, 2, 0],
                clock: 2,
                jumps: MINUTES,
                cards: 0..2,
                accruals: 0,
                ..habits
            },
            Theme::Clocks => Habits {
                pace: Pace { at_turning_points: pick(dice, &[0.15, 0.3]), elsewhere: 0.0 },
                weather: Weather { success: 4, late: 4, answer_lost: 2, ..Weather::CALM },
                crash: 0.05,
                time_out: 0.0,
                turns: [6, 6, 5, 0, 0, 0, 0],
                clock: 1,
                jumps: MOMENTS,
                late: 1,
                cards: one,
                accruals: 0,
                ..habits
            },
            Theme::Family => Habits {
                pace: Pace { at_turning_points: 0.3, elsewhere: 0.0 },
                weather: Weather { success: 4, refused: 2, unreachable: 2, answer_lost: 1, ..Weather::CALM },
                crash: 0.15,
                time_out: 0.0,
                turns: [5, 0, 2, 1, 6, 1, 0],
                clock: 1,
                jumps: MOMENTS,
                cards: 1..2,
                accruals: 0,
                ..habits
            },
            Theme::FirstDays => Habits {
                weather: Weather { success: 6, answer_lost: 1, ..Weather::CALM },
                turns: [5, 1, 3, 1, 1, 3, 0],
                cards: 0..2,
                ..habits
            },
        }
    }

    /// How far the clock jumps.
    pub fn jump(&self, dice: &mut fastrand::Rng) -> Duration {
        let mut drawn = dice.u32(..self.jumps.iter().map(|(weight, _)| weight).sum::<u32>());
        for (weight, seconds) in self.jumps {
            if drawn < *weight {
                return Duration::seconds(dice.i64(seconds.clone()));
            }
            drawn -= weight;
        }
        Duration::zero()
    }
}
