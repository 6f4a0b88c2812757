//! Contenders that take turns, and the statistics of their times.

use std::time::Instant;

use anyhow::Result;
use cpu_time::ProcessTime;

/// The times of some calls in a row, in seconds.
pub struct Sample {
    /// Of each call.
    pub calls: Vec<f64>,
    /// The processor's, for one call.
    pub cpu: f64,
}

/// One way to do the work that is measured.
pub trait Contender {
    /// Does the work `calls` times.
    fn run(&mut self, calls: usize) -> Result<Sample>;
}

/// A contender in this process.
pub struct Local<F> {
    work: F,
    repeats: u32,
    worth: u32,
}

impl<F: FnMut() -> Result<()>> Local<F> {
    pub fn new(work: F) -> Local<F> {
        Local { work, repeats: 1, worth: 1 }
    }

    /// Measures `repeats` runs of the work as one call, for work that is too short to be measured alone.
    pub fn repeated(self, repeats: u32) -> Local<F> {
        Local { repeats, ..self }
    }

    /// Counts one run of the work as `worth` units: the times are those of one unit.
    pub fn worth(self, worth: u32) -> Local<F> {
        Local { worth, ..self }
    }
}

impl<F: FnMut() -> Result<()>> Contender for Local<F> {
    fn run(&mut self, calls: usize) -> Result<Sample> {
        let units = f64::from(self.repeats) * f64::from(self.worth);
        let mut times = Vec::with_capacity(calls);
        let cpu = ProcessTime::now();
        for _ in 0..calls {
            let began = Instant::now();
            for _ in 0..self.repeats {
                (self.work)()?;
            }
            times.push(began.elapsed().as_secs_f64() / units);
        }
        let cpu = cpu.elapsed().as_secs_f64() / (calls as f64 * units);
        Ok(Sample { calls: times, cpu })
    }
}

/// One contender's rounds.
pub struct Series(Vec<Sample>);

impl Series {
    /// The median time of a call over all rounds, in seconds.
    pub fn median(&self) -> f64 {
        median(self.0.iter().flat_map(|sample| &sample.calls).copied())
    }

    /// How many times longer a call takes than the other's: the median of the rounds' ratios.
    pub fn ratio_to(&self, other: &Series) -> f64 {
        self.compare(other, |sample| median(sample.calls.iter().copied()))
    }

    /// The same for the processor's time.
    pub fn cpu_ratio_to(&self, other: &Series) -> f64 {
        self.compare(other, |sample| sample.cpu)
    }

    fn compare(&self, other: &Series, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(own, other)| figure(own) / figure(other)))
    }
}

/// Runs `rounds` rounds of `calls` calls each, A, B, A, B …, after a round that only warms up and is not counted. Each
/// round starts with another contender, so that none always follows the same one.
pub fn interleave<const N: usize>(
    rounds: usize,
    calls: usize,
    mut contenders: [&mut dyn Contender; N],
) -> Result<[Series; N]> {
    for contender in &mut contenders {
        contender.run(calls.min(3))?;
    }
    let mut series = [const { Series(Vec::new()) }; N];
    for round in 0..rounds {
        for turn in 0..N {
            let place = (round + turn) % N;
            series[place].0.push(contenders[place].run(calls)?);
        }
    }
    Ok(series)
}

/// The middle value, or the upper one of the two middle values; NaN if there are no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as long as its turn says.
    struct Played(std::vec::IntoIter<f64>);

    impl Contender for Played {
        fn run(&mut self, calls: usize) -> Result<Sample> {
            let time = self.0.next().unwrap();
            Ok(Sample { calls: vec![time; calls], cpu: time / 2.0 })
        }
    }

    #[test]
    fn a_machine_that_is_slow_for_a_while_does_not_change_the_ratio() {
        let mut one = Played(vec![9.0, 2.0, 20.0, 2.0].into_iter());
        let mut other = Played(vec![9.0, 1.0, 10.0, 1.0].into_iter());
        let [one, other] = interleave(3, 5, [&mut one, &mut other]).unwrap();
        assert_eq!((one.median(), other.median()), (2.0, 1.0));
        assert_eq!((one.ratio_to(&other), other.ratio_to(&one)), (2.0, 0.5));
        assert_eq!(one.cpu_ratio_to(&other), 2.0);
    }

    #[test]
    fn a_call_of_many_units_counts_as_many() {
        let mut done = 0;
        let mut work = Local::new(|| {
            done += 1;
            Ok(())
        })
        .repeated(10)
        .worth(100);
        assert_eq!(work.run(3).unwrap().calls.len(), 3);
        assert_eq!(done, 30);
    }

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0]), 4.0);
        assert!(median([]).is_nan());
    }
}
