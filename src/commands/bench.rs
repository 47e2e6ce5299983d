//! `gluepot bench`.

use serde_json::{Value, json};

use super::{pretty, print};
use crate::cli::Bench;
use crate::execute::with_device;
use crate::experiment::Environment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::Pipeline;
use crate::inputs::{Inputs, Purpose};
use crate::numbers::{count, rate};
use crate::tokens::TokenCache;
use crate::train::{Replays, Speed, matmul_peak, measure};

/// Takes some steps of an experiment and tells how fast they were.
pub fn bench(arguments: &Bench) -> Outcome<()> {
    let overrides = arguments.overrides.all();
    let inputs = Inputs::read(
        &arguments.file,
        Purpose::Training,
        &overrides,
        &Environment::from_env(&arguments.runs.root),
        &Hub::from_env(!arguments.format.is_json()),
    )?;
    let (inputs, device) = with_device(inputs)?;
    let device = arguments.kernels.on(device);
    let device = if arguments.no_graphs { device.without_recordings() } else { device };
    let pipeline = Pipeline::make(&inputs, &TokenCache::of_user())?;
    let counts = (arguments.warm_up, arguments.steps.get());
    let speed = measure(&inputs.trial, &pipeline.initial.parameters, &pipeline.train, &device, counts)?;
    let peak = matmul_peak(&device, inputs.trial.settings.training.precision).map_err(Failure::Internal)?;
    let figures = figures(&speed, peak);
    print(&if arguments.format.is_json() { pretty(&figures) } else { text(&speed, &figures, device.name()) })
}

/// The value below which a share of sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn figures(speed: &Speed, peak: f64) -> Value {
    let mut sorted = speed.seconds.clone();
    sorted.sort_by(f64::total_cmp);
    let total: f64 = sorted.iter().sum();
    let share = |part: std::time::Duration| part.as_secs_f64() / total;
    json!({
        "steps": sorted.len(),
        "step_ms_p50": quantile(&sorted, 0.5) * 1e3,
        "step_ms_p90": quantile(&sorted, 0.9) * 1e3,
        "examples_per_second": speed.examples as f64 / total,
        "tokens_per_second": speed.tokens as f64 / total,
        "padded_tokens_per_second": speed.padded_tokens as f64 / total,
        "share_data": share(speed.spent.data),
        "share_forward": share(speed.spent.forward),
        "share_backward": share(speed.spent.backward),
        "share_update": share(speed.spent.update),
        "model_gflops": speed.operations / total / 1e9,
        "matmul_peak_gflops": peak / 1e9,
        "share_of_peak": speed.operations / total / peak,
        "peak_memory_mib": peak_memory_mib(),
        "steps_replayed": speed.replays.replayed,
        "shapes_recorded": speed.replays.recorded,
        "recordings_refused": speed.replays.refusals,
    })
}

fn text(speed: &Speed, figures: &Value, device: &str) -> String {
    let number = |key: &str| figures[key].as_f64().unwrap_or(f64::NAN);
    let percent = |key: &str| format!("{:.0} %", number(key) * 100.0);
    let replays = &speed.replays;
    let graphs = (*replays != Replays::default()).then(|| format!("graphs    {replays}"));
    let memory = figures["peak_memory_mib"].as_f64().map_or("unknown".into(), |mib| format!("{} MiB", count(mib as u64)));
    let lines = [
        format!(
            "{} steps of {:.1} examples on {device}",
            speed.seconds.len(),
            speed.examples as f64 / speed.seconds.len() as f64
        ),
        format!("step      p50 {:.1} ms, p90 {:.1} ms", number("step_ms_p50"), number("step_ms_p90")),
        format!("examples  {}/s", rate(number("examples_per_second"))),
        format!(
            "tokens    {}/s; {}/s with the padding of such batches",
            rate(number("tokens_per_second")),
            rate(number("padded_tokens_per_second"))
        ),
        format!(
            "time      data {}, forward {}, backward {}, update {}",
            percent("share_data"),
            percent("share_forward"),
            percent("share_backward"),
            percent("share_update")
        ),
        format!(
            "model     {:.0} GFLOP/s, {} of the {:.0} that matrix products reach here",
            number("model_gflops"),
            percent("share_of_peak"),
            number("matmul_peak_gflops")
        ),
        format!("memory    {memory} at most"),
    ];
    lines.into_iter().chain(graphs).collect::<Vec<_>>().join("\n")
}

/// The most memory that this process has held, as Linux counts it.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
