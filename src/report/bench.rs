//! How fast an experiment trains, as `gluepot bench` prints it.

use std::time::Duration;

use serde::Serialize;

use crate::machine::memory_info::peak_bytes;
use crate::numbers::{count, rate};
use crate::train::{Replays, Speed};

/// Times, throughput and shares of the measured steps.
#[derive(Clone, Debug, Serialize)]
pub struct SpeedFigures {
    steps: usize,
    step_ms_p50: f64,
    step_ms_p90: f64,
    examples_per_second: f64,
    tokens_per_second: f64,
    padded_tokens_per_second: f64,
    share_data: f64,
    share_forward: f64,
    share_backward: f64,
    share_update: f64,
    model_gflops: f64,
    matmul_peak_gflops: f64,
    share_of_peak: f64,
    peak_memory_mib: Option<f64>,
    products_f32: u64,
    products_bf16: u64,
    steps_replayed: u64,
    shapes_recorded: usize,
    recordings_refused: usize,
    #[serde(skip)]
    examples_per_step: f64,
    #[serde(skip)]
    replays: Replays,
}

impl SpeedFigures {
    /// Computes the figures of measured steps, on a device whose matrix products reach `peak` operations per second.
    #[must_use]
    pub fn of(speed: &Speed, peak: f64) -> Self {
        let mut sorted = speed.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let total: f64 = sorted.iter().sum();
        let share = |part: Duration| part.as_secs_f64() / total;
        Self {
            steps: sorted.len(),
            step_ms_p50: quantile(&sorted, 0.5) * 1e3,
            step_ms_p90: quantile(&sorted, 0.9) * 1e3,
            examples_per_second: speed.examples as f64 / total,
            tokens_per_second: speed.tokens as f64 / total,
            padded_tokens_per_second: speed.padded_tokens as f64 / total,
            share_data: share(speed.times.data),
            share_forward: share(speed.times.forward),
            share_backward: share(speed.times.backward),
            share_update: share(speed.times.update),
            model_gflops: speed.operations / total / 1e9,
            matmul_peak_gflops: peak / 1e9,
            share_of_peak: speed.operations / total / peak,
            peak_memory_mib: peak_bytes(std::process::id()).map(|bytes| bytes as f64 / f64::from(1 << 20)),
            products_f32: speed.products[0],
            products_bf16: speed.products[1],
            steps_replayed: speed.replays.replayed,
            shapes_recorded: speed.replays.recorded,
            recordings_refused: speed.replays.refusals,
            examples_per_step: speed.examples as f64 / sorted.len() as f64,
            replays: speed.replays.clone(),
        }
    }

    /// Formats the figures for a person; `device` is the device's name.
    #[must_use]
    pub fn text(&self, device: &str) -> String {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let graphs = (self.replays != Replays::default()).then(|| format!("graphs    {}", self.replays));
        let memory = self.peak_memory_mib.map_or("unknown".into(), |mib| format!("{} MiB", count(mib as u64)));
        let lines = [
            format!("{} steps of {:.1} examples on {device}", self.steps, self.examples_per_step),
            format!("step      p50 {:.1} ms, p90 {:.1} ms", self.step_ms_p50, self.step_ms_p90),
            format!("examples  {}/s", rate(self.examples_per_second)),
            format!(
                "tokens    {}/s; {}/s with the padding of such batches",
                rate(self.tokens_per_second),
                rate(self.padded_tokens_per_second)
            ),
            format!(
                "time      data {}, forward {}, backward {}, update {}",
                percent(self.share_data),
                percent(self.share_forward),
                percent(self.share_backward),
                percent(self.share_update)
            ),
            format!(
                "model     {:.0} GFLOP/s, {} of this machine's matmul peak ({:.0})",
                self.model_gflops,
                percent(self.share_of_peak),
                self.matmul_peak_gflops
            ),
            format!("memory    {memory} at its peak"),
        ];
        lines.into_iter().chain(graphs).collect::<Vec<_>>().join("\n")
    }
}

/// Returns the value below which this fraction of the sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
