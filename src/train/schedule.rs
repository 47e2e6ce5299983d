//! The learning rate as a pure function of the step; the schedules match transformers' `get_scheduler`.

use crate::plan::Steps;
use crate::settings::ScheduleKind;

/// The learning rate of the step after `done` steps.
#[must_use]
pub fn learning_rate(peak: f64, kind: ScheduleKind, steps: Steps, done: u64) -> f64 {
    if done < steps.warmup {
        return peak * (done as f64 / steps.warmup as f64);
    }
    let remaining = steps.total.saturating_sub(done) as f64;
    let decay = steps.total.saturating_sub(steps.warmup).max(1) as f64;
    match kind {
        ScheduleKind::Linear => peak * (remaining / decay),
        ScheduleKind::Cosine => {
            let progress = (done - steps.warmup) as f64 / decay;
            peak * (0.5 * (1.0 + (std::f64::consts::PI * progress).cos())).max(0.0)
        }
        ScheduleKind::Constant => peak,
    }
}
