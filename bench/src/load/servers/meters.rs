//! Whose work the processors did between two readings, as `/proc` tells.

use std::{fs, iter};

use anyhow::{Context as _, bail};

use crate::{load::drive::Meter, process};

/// How often PostgreSQL's processes are looked at until they stay the same in one look.
const LOOKS: usize = 100;

/// Whose time is read.
pub(super) struct Meters {
    pub(super) servers: Meter,
    /// PostgreSQL's first process; none: not known.
    pub(super) postmaster: Option<u32>,
    /// That we may use.
    pub(super) processors: usize,
}

/// Processor time so far, in seconds.
pub(super) struct Reading {
    servers: f64,
    postgres: Option<f64>,
    callers: f64,
    machine: Option<f64>,
}

impl Meters {
    pub(super) fn read(&self) -> anyhow::Result<Reading> {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        Ok(Reading {
            servers: self.servers.seconds().context("a server has ended")?,
            postgres: self.postmaster.map(postgres_seconds).transpose()?,
            callers: process::cpu_seconds(std::process::id())?,
            machine: busy_ticks(&stat, self.processors)
                .map(|ticks| ticks as f64 / rustix::param::clock_ticks_per_second() as f64),
        })
    }

    /// - `seconds`: between the two.
    pub(super) fn used(&self, before: &Reading, after: &Reading, seconds: f64) -> Used {
        let between = |after: Option<f64>, before: Option<f64>| Some(after? - before?);
        Used {
            available: seconds * self.processors as f64,
            servers: after.servers - before.servers,
            postgres: between(after.postgres, before.postgres),
            callers: after.callers - before.callers,
            machine: between(after.machine, before.machine),
        }
    }
}

/// Of all of PostgreSQL's processes, those that have ended too: all are the first one's children.
fn postgres_seconds(postmaster: u32) -> anyhow::Result<f64> {
    for _ in 0..LOOKS {
        let children = process::children(postmaster).context("PostgreSQL has ended")?;
        let seconds = iter::once(postmaster)
            .chain(children.iter().copied())
            .map(process::cpu_seconds_with_ended)
            .sum::<anyhow::Result<f64>>();
        // Who ended meanwhile would count twice, or not at all.
        if let Ok(seconds) = seconds
            && process::children(postmaster)? == children
        {
            return Ok(seconds);
        }
    }
    bail!("PostgreSQL's processes change all the time")
}

/// Of all processors together, from `/proc/stat`: what is neither idle nor waits for a disk. None if it speaks of other
/// processors than those that we may use.
fn busy_ticks(stat: &str, processors: usize) -> Option<u64> {
    let each = stat.lines().filter(|line| {
        let number = line
            .strip_prefix("cpu")
            .and_then(|rest| rest.chars().next());
        number.is_some_and(|first| first.is_ascii_digit())
    });
    if each.count() != processors {
        return None;
    }
    let times: Vec<u64> = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))?
        .split_whitespace()
        .map(|time| time.parse().ok())
        .collect::<Option<_>>()?;
    // proc_stat(5). Guests' time, which comes after these, is in the users' already; `steal` is what a virtual machine's
    // host took for others.
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = *times.first_chunk()?;
    Some(user + nice + system + irq + softirq + steal)
}

/// Processor time between two readings, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Used {
    /// That all processors together had.
    pub(super) available: f64,
    pub(super) servers: f64,
    /// None: its processes are not known.
    pub(super) postgres: Option<f64>,
    pub(super) callers: f64,
    /// Of everything on the machine; none: not known.
    pub(super) machine: Option<f64>,
}

impl Used {
    pub(super) fn sum(all: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>();
        let known = |of: fn(&Self) -> Option<f64>| all.iter().map(of).sum::<Option<f64>>();
        Self {
            available: sum(|used| used.available),
            servers: sum(|used| used.servers),
            postgres: known(|used| used.postgres),
            callers: sum(|used| used.callers),
            machine: known(|used| used.machine),
        }
    }

    pub(super) fn shares(&self) -> Shares {
        let share = |seconds: f64| seconds / self.available;
        let ours = self.servers + self.postgres.unwrap_or(0.0) + self.callers;
        // All are counted in steps, each for itself: ours may come out a little above the whole.
        let others = self.machine.map(|machine| (machine - ours).max(0.0));
        Shares {
            servers: share(self.servers),
            postgres: self.postgres.map(share),
            callers: share(self.callers),
            others: others.map(share),
            busy: share(ours + others.unwrap_or(0.0)).min(1.0),
        }
    }
}

/// Shares of the processors' time, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shares {
    pub(super) servers: f64,
    /// None: its processes are not known.
    pub(super) postgres: Option<f64>,
    pub(super) callers: f64,
    /// Whoever else there is, the system's own work for all of them among it; none: not known.
    pub(super) others: Option<f64>,
    pub(super) busy: f64,
}

#[cfg(test)]
mod tests {
    use std::{process::Command, thread, time::Duration};

    use super::*;

    const USED: Used = Used {
        available: 20.0,
        servers: 5.0,
        postgres: Some(6.0),
        callers: 4.0,
        machine: Some(17.0),
    };

    #[test]
    fn what_nobody_of_ours_used_is_others_or_idle() {
        let expected = Shares {
            servers: 0.25,
            postgres: Some(0.3),
            callers: 0.2,
            others: Some(0.1),
            busy: 0.85,
        };
        assert_eq!(USED.shares(), expected);
        // The machine's own count is behind ours.
        let behind = Used {
            machine: Some(14.99),
            ..USED
        };
        assert_eq!(behind.shares().others, Some(0.0));
        assert_eq!(behind.shares().busy, 0.75);
        let unknown = Used {
            postgres: None,
            machine: None,
            ..USED
        };
        let shares = unknown.shares();
        assert_eq!((shares.postgres, shares.others), (None, None));
        assert_eq!(shares.busy, 0.45);
        let over = Used {
            callers: 11.0,
            ..USED
        };
        assert_eq!(over.shares().busy, 1.0);
    }

    #[test]
    fn phases_add_up_and_what_is_unknown_once_is_unknown() {
        let sum = Used::sum(&[USED, USED]);
        assert_eq!((sum.available, sum.servers, sum.callers), (40.0, 10.0, 8.0));
        assert_eq!((sum.postgres, sum.machine), (Some(12.0), Some(34.0)));
        let unknown = Used {
            postgres: None,
            ..USED
        };
        assert_eq!(Used::sum(&[USED, unknown]).postgres, None);
    }

    #[test]
    fn busy_is_all_but_idle_and_waiting_for_disks() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 7 7\n\
                    cpu0 1 2 4 1000 2000 8 16 32 7 7\n\
                    cpu1 0 0 0 0 0 0 0 0 0 0\n\
                    intr 5\n";
        assert_eq!(busy_ticks(stat, 2), Some(63));
        assert_eq!(busy_ticks(stat, 1), None);
        assert_eq!(busy_ticks("", 0), None);
        assert_eq!(busy_ticks("cpu  1 2\ncpu0 1 2\n", 1), None);
    }

    #[test]
    fn a_child_s_work_stays_counted_when_it_has_ended() {
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; sleep 60",
            ])
            .spawn()
            .unwrap();
        // Whatever the machine does besides: until the loop is over and its time is the shell's.
        let mut counted = 0.0;
        for _ in 0..3_000 {
            counted = postgres_seconds(shell.id()).unwrap();
            let own = process::cpu_seconds(shell.id()).unwrap();
            let with_ended = process::cpu_seconds_with_ended(shell.id()).unwrap();
            if with_ended - own > 0.01 {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        for child in process::children(shell.id()).unwrap() {
            Command::new("kill")
                .arg(child.to_string())
                .status()
                .unwrap();
        }
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(counted > 0.01, "{counted} s");
    }
}
