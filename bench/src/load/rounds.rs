//! A run under way: a batch to download, then round after round of every kind of call.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};

use super::{
    Arguments,
    downloads::{self, Downloads, Published},
    drive::{Manner, Meter, Outcome, drive},
    echo::EchoProcess,
    figures::{File, Kind},
    nginx::Nginx,
    phones::{self, Deployment, Granted, Redeem, Redeems, Upload, Uploads, Whom},
    remote::Remote,
    report::Report,
    target::Target,
};

/// Of one kind of call, before another has its turn.
const TURN: Duration = Duration::from_secs(1);

/// Until the uploads of the batch are in, which are made before anything is measured.
const WARM_UP: Duration = Duration::from_secs(120);

/// Codes made ready for a turn, over those of the turn before; at least and at most so many.
const SPARE: f64 = 1.5;
const FEWEST_CODES: usize = 200;
const MOST_CODES: usize = 100_000;

/// A run under way.
pub(super) struct Load<'a> {
    manner: Manner,
    decoys: f64,
    target: &'a Target,
    echo: &'a EchoProcess,
    deployment: Deployment,
    pub(super) index: Published,
    /// None: a server that has not published.
    pub(super) batch: Option<Published>,
    /// Ready, and not made yet.
    redeems: Vec<Redeem>,
    /// For the next turn.
    codes: usize,
    pub(super) report: Report,
}

impl<'a> Load<'a> {
    /// Makes a batch to download; this warms the server up, too.
    pub(super) async fn prepare(
        manner: Manner,
        arguments: &Arguments,
        target: &'a Target,
        echo: &'a EchoProcess,
    ) -> anyhow::Result<Self> {
        let deployment = target.deployment().await?;
        let count = arguments.batch_uploads as usize;
        let redeems = phones::redeems(target.codes(&deployment, count).await?, 0.0)?;
        let calls = Arc::new(Redeems {
            to: target.public.clone(),
            whom: Whom::Server,
            redeems,
        });
        let at_once = Manner {
            rate: None,
            ..manner
        };
        let redeemed = drive(&calls, at_once, WARM_UP, &Meter::default()).await?;
        all_answered(&redeemed, count)?;
        let codes = redeemed.answered.len() as f64 / redeemed.seconds * TURN.as_secs_f64();
        let calls = Arc::new(Uploads {
            to: target.public.clone(),
            whom: Whom::Server,
            uploads: phones::uploads(&deployment, &calls.redeems, granted(redeemed))?,
        });
        let uploaded = drive(&calls, at_once, WARM_UP, &Meter::default()).await?;
        all_answered(&uploaded, count)?;
        target.publish(&deployment.region).await?;
        let (index, batch) = downloads::published(&target.public, &deployment.region).await?;
        Ok(Self {
            manner,
            decoys: arguments.decoys,
            target,
            echo,
            deployment,
            index,
            batch,
            redeems: Vec::new(),
            codes: for_a_turn(codes),
            report: Report::default(),
        })
    }

    /// Every kind of call, in turn.
    pub(super) async fn round(&mut self, nginx: Option<&Nginx>) -> anyhow::Result<()> {
        let (uploads, redeems) = self.redeem().await?;
        let uploads = self.upload(uploads).await?;
        // No phone calls the echo twice: any two of its answers are as good as another.
        for (redeem, upload) in redeems.into_iter().zip(uploads) {
            self.report.echo.times.record(redeem + upload);
        }
        let index = self.index.clone();
        let mut file = mem::take(&mut self.report.index);
        self.download(&index, &mut file, nginx).await?;
        self.report.index = file;
        if let Some(batch) = self.batch.clone() {
            let mut file = self.report.batch.take().unwrap_or_default();
            self.download(&batch, &mut file, nginx).await?;
            self.report.batch = Some(file);
        }
        Ok(())
    }

    /// Phones present codes to the server, then to the echo. Gives the uploads that follow, and the echo's times.
    async fn redeem(&mut self) -> anyhow::Result<(Vec<Upload>, Vec<Duration>)> {
        let missing = self.codes.saturating_sub(self.redeems.len());
        if missing > 0 {
            let codes = self.target.codes(&self.deployment, missing).await?;
            self.redeems.extend(phones::redeems(codes, self.decoys)?);
        }
        let mut calls = Arc::new(Redeems {
            to: self.target.public.clone(),
            whom: Whom::Server,
            redeems: mem::take(&mut self.redeems),
        });
        let outcome = drive(&calls, self.manner, TURN, &self.target.meter()).await?;
        self.report.server.redeem.add_time(&outcome);
        self.report.decoys.add_seconds(&outcome);
        for call in &outcome.answered {
            match call.answer {
                Some(_) => self.report.server.redeem.record(call.took),
                None => self.report.decoys.record(call.took),
            }
        }
        let used = used(&outcome);
        let rate = outcome.answered.len() as f64 / outcome.seconds;
        self.codes = for_a_turn(rate * TURN.as_secs_f64());
        count(&mut self.report.failed, "redeem", &outcome);

        let all = Arc::get_mut(&mut calls).context("all callers are done")?;
        (all.to, all.whom) = (self.echo.remote.clone(), Whom::Echo);
        let echoed = drive(&calls, self.manner, TURN, &self.echo.meter()).await?;
        self.report.echo.redeem.add_time(&echoed);
        let genuine: Vec<Duration> = echoed
            .answered
            .iter()
            .filter(|call| call.answer.is_some())
            .map(|call| call.took)
            .collect();
        for &took in &genuine {
            self.report.echo.redeem.record(took);
        }
        count(&mut self.report.peers_failed, "echo, redeem", &echoed);

        let uploads = phones::uploads(&self.deployment, &calls.redeems, granted(outcome))?;
        let calls = Arc::into_inner(calls).context("all callers are done")?;
        self.redeems = calls.redeems;
        self.redeems.drain(..used.min(self.redeems.len()));
        Ok((uploads, genuine))
    }

    /// Phones upload to the server, then to the echo. Gives the echo's times.
    ///
    /// Those who have no turn before it ends never upload: the next round has phones of its own.
    async fn upload(&mut self, uploads: Vec<Upload>) -> anyhow::Result<Vec<Duration>> {
        if uploads.is_empty() {
            return Ok(Vec::new());
        }
        let mut calls = Arc::new(Uploads {
            to: self.target.public.clone(),
            whom: Whom::Server,
            uploads,
        });
        let outcome = drive(&calls, self.manner, TURN, &self.target.meter()).await?;
        self.report.server.upload.add_time(&outcome);
        self.report.decoys.add_seconds(&outcome);
        for call in &outcome.answered {
            let upload = &calls.uploads[call.number];
            if upload.decoy {
                self.report.decoys.record(call.took);
            } else {
                self.report.server.upload.record(call.took);
                let took = upload.redeemed_in + call.took;
                self.report.server.times.record(took);
            }
        }
        count(&mut self.report.failed, "upload", &outcome);

        let all = Arc::get_mut(&mut calls).context("all callers are done")?;
        (all.to, all.whom) = (self.echo.remote.clone(), Whom::Echo);
        let echoed = drive(&calls, self.manner, TURN, &self.echo.meter()).await?;
        self.report.echo.upload.add(&echoed);
        count(&mut self.report.peers_failed, "echo, upload", &echoed);
        Ok(echoed.answered.iter().map(|call| call.took).collect())
    }

    /// Phones download a file from the server, then from nginx.
    async fn download(
        &mut self,
        published: &Published,
        file: &mut File,
        nginx: Option<&Nginx>,
    ) -> anyhow::Result<()> {
        let name = &published.path;
        file.bytes = published.bytes.len();
        let (from, meter) = (&self.target.public, self.target.meter());
        let outcome = self.download_from(from, &meter, published).await?;
        file.ours.add(&outcome);
        count(&mut self.report.failed, name, &outcome);
        if let Some(nginx) = nginx {
            let (from, meter) = (&nginx.remote, nginx.meter()?);
            let outcome = self.download_from(from, &meter, published).await?;
            file.nginx.get_or_insert_with(Kind::default).add(&outcome);
            count(
                &mut self.report.peers_failed,
                &format!("nginx, {name}"),
                &outcome,
            );
        }
        Ok(())
    }

    async fn download_from(
        &self,
        from: &Remote,
        meter: &Meter,
        file: &Published,
    ) -> anyhow::Result<Outcome<()>> {
        let calls = Downloads {
            from: from.clone(),
            file: file.clone(),
        };
        drive(&Arc::new(calls), self.manner, TURN, meter).await
    }
}

/// How many codes to make ready, if so many were used in the turn before.
pub(super) fn for_a_turn(calls: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count that is brought within bounds"
    )]
    let calls = (calls * SPARE) as usize;
    calls.clamp(FEWEST_CODES, MOST_CODES)
}

/// Calls are taken in their order: these have all been made, and none after them.
pub(super) fn used<A>(outcome: &Outcome<A>) -> usize {
    let failed: u64 = outcome.failed.values().sum();
    outcome.answered.len() + usize::try_from(failed).unwrap_or(usize::MAX)
}

pub(super) fn granted(outcome: Outcome<<Redeems as super::drive::Calls>::Answer>) -> Vec<Granted> {
    outcome
        .answered
        .into_iter()
        .map(|call| (call.number, call.took, call.answer))
        .collect()
}

/// Adds the calls that failed, by call and reason.
pub(super) fn count<A>(failed: &mut BTreeMap<String, u64>, call: &str, outcome: &Outcome<A>) {
    for (reason, count) in &outcome.failed {
        *failed.entry(format!("{call}: {reason}")).or_default() += count;
    }
}

fn all_answered<A>(outcome: &Outcome<A>, count: usize) -> anyhow::Result<()> {
    ensure!(
        outcome.answered.len() == count,
        "{} of {count} calls were answered before anything is measured; {:?}",
        outcome.answered.len(),
        outcome.failed
    );
    Ok(())
}
