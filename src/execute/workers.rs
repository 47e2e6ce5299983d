//! How many trials of a sweep run in parallel on this machine, and on which GPUs.

use std::num::NonZero;
use std::time::Duration;

use crate::machine::memory_info::visible_gpus;
use crate::settings::DeviceChoice;
use crate::sweep::{Jobs, Parallelism};
use crate::train::CudaSupport;

/// How long each number of trials is measured before it is changed.
const WINDOW: Duration = Duration::from_secs(10);
const MAX_PER_GPU: usize = 8;
/// More processes than any machine can use.
const MAX_JOBS: usize = 1024;

/// With `auto`, allows at most one trial per core on the CPU, each with its share of the cores; on a GPU only a few fit.
pub fn parallelism(jobs: Jobs, trials: usize, gpus: Option<&[String]>) -> Parallelism {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    match (jobs, gpus) {
        (Jobs::Exactly(jobs), _) => Parallelism::fixed(NonZero::new(MAX_JOBS).map_or(jobs, |most| jobs.min(most))),
        (Jobs::Auto, None) => Parallelism::tuned(1, cores().min(trials), WINDOW),
        (Jobs::Auto, Some(gpus)) => {
            let gpus = gpus.len().max(1);
            Parallelism::tuned(gpus, (gpus * MAX_PER_GPU).min(trials), WINDOW)
        }
    }
}

/// Returns GPUs to assign to trials in turn, if there are several and none was chosen.
pub fn choose_gpus(choice: DeviceChoice) -> Vec<String> {
    let CudaSupport::Built { devices, .. } = CudaSupport::find() else { return Vec::new() };
    if choice != DeviceChoice::Auto || devices < 2 {
        return Vec::new();
    }
    visible_gpus().unwrap_or_else(|| (0..devices).map(|device| device.to_string()).collect())
}
