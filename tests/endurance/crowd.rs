use std::env;
use std::thread;
use std::time::{Duration, Instant};

use addin_host::{Destroy, HostOptions, Object};
use addin_testkit::shop::{call, component_with, create, exception, set_up, text};
use fastrand::Rng;
use testkit::{Nobody, eventually, resolver, test_path};

use crate::alone::{HELD_NAME, World, alone};
use crate::process::{threads, threads_of_the_component};

const THREADS: usize = 64;
const MOST_CALLS_OF_AN_OBJECT: usize = 8;

fn number_from(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn threads_that_create_call_and_destroy_objects_at_random_do_not_disturb_one_another() {
    let test = test_path!(threads_that_create_call_and_destroy_objects_at_random_do_not_disturb_one_another);
    alone(test, |world| {
        let seconds = number_from("PASSTEAM_ENDURANCE_SECONDS", 3);
        let seed = number_from("PASSTEAM_ENDURANCE_SEED", 1);
        let before = threads();
        let end = Instant::now() + Duration::from_secs(seconds);
        let calls: usize = thread::scope(|scope| {
            let members: Vec<_> = (0..THREADS)
                .map(|number| scope.spawn(move || Member::new(world, seed, number).live_until(end)))
                .collect();
            members.into_iter().map(|member| member.join().unwrap()).sum()
        });
        println!("seed {seed}: {calls} calls of {THREADS} threads in {seconds} s");
        resolver::release();
        eventually("the abandoned look-ups end", || threads_of_the_component() == 0);
        assert_eq!(threads(), before);
    });
}

/// A thread that creates, uses and destroys one object after another.
struct Member<'a> {
    world: &'a World,
    random: Rng,
    number: usize,
    cards: usize,
    calls: usize,
}

impl<'a> Member<'a> {
    fn new(world: &'a World, seed: u64, number: usize) -> Member<'a> {
        let random = Rng::with_seed(seed.wrapping_mul(THREADS as u64).wrapping_add(number as u64));
        Member { world, random, number, cards: 0, calls: 0 }
    }

    /// Works until `end`; returns the number of calls.
    fn live_until(mut self, end: Instant) -> usize {
        while Instant::now() < end {
            let destroy = *self.random.choice(&[Destroy::DestroyObject, Destroy::VirtualDestructor]).unwrap();
            let object = component_with(HostOptions { destroy, ..HostOptions::default() });
            for _ in 0..self.random.usize(0..=MOST_CALLS_OF_AN_OBJECT) {
                self.act(&object);
                self.calls += 1;
            }
            assert!(object.misuse().is_clean(), "{:?}", object.misuse());
            // The platform may destroy an object on another thread than it called it on.
            let memory = if self.random.bool() {
                object.destroy()
            } else {
                thread::spawn(move || object.destroy()).join().unwrap()
            };
            assert!(memory.is_clean(), "{memory:?}");
        }
        self.calls
    }

    fn act(&mut self, object: &Object) {
        match self.random.u32(0..10) {
            0 => drop(text(object, "Result")),
            1 => drop(exception(object.function("UpdateCard", &["".into()]))),
            2 => object.procedure("SetValue", &["BONUS".into(), 5.into()]).unwrap(),
            3 => drop(exception(object.procedure("SetValue", &["".into(), 5.into()]))),
            4 => self.abandon(object, &self.world.silent),
            5 => self.abandon(object, HELD_NAME),
            6 => self.is_refused(object),
            7 => self.succeed(object, &self.world.service_by_name()),
            _ => self.succeed(object, &self.world.service.clone()),
        }
    }

    /// A call that ends by `Timeout` while its request is under way.
    fn abandon(&self, object: &Object, url: &str) {
        set_up(object, url);
        object.set("Timeout", 0.1).unwrap();
        assert!(!call(object, "UpdateCard", &["id".into()]));
        assert_eq!(text(object, "ErrorKind"), "Timeout", "{}", text(object, "Result"));
    }

    fn is_refused(&self, object: &Object) {
        let nobody = Nobody::new();
        set_up(object, &nobody.url());
        object.set("Timeout", 60).unwrap();
        object.set("Retries", 0).unwrap();
        assert!(!call(object, "CreateCard", &[]));
        assert_eq!(text(object, "ErrorKind"), "Connection", "{}", text(object, "Result"));
    }

    /// Creates a card and updates it.
    fn succeed(&mut self, object: &Object, url: &str) {
        set_up(object, url);
        object.set("Timeout", 60).unwrap();
        self.cards += 1;
        let card = create(object, &format!("+7{:03}{:07}", self.number, self.cards));
        assert!(call(object, "UpdateCard", &[card.as_str().into()]), "{}", text(object, "Result"));
    }
}
