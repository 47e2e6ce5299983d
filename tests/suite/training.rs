//! The training loop: its order, its events, and which observers may stop it.

use std::ops::ControlFlow;

use gluepot::settings::{Data, Precision};
use gluepot::train::{
    BatchLayout, Boundary, Device, EvaluationEvent, Event, Observer, Order, Start, StepBatches, Stop, load_model, predict, train,
};

use crate::failures::sound;
use crate::support::{Bench, device, project};

const SETTINGS: &str =
    "learning_rate = 1e-3\nepochs = 3\n[data]\nbatch_size = 4\ntrain_limit = 10\n[training]\ngradient_accumulation = 2\n";

#[test]
fn every_epoch_has_every_example_once_and_continues_after_any_step() {
    let trial = Bench::tiny().trial(SETTINGS);
    let lengths = [5; 10];
    let all: Vec<StepBatches> = Order::new(&trial, &lengths, 0..trial.steps.total).collect();
    assert_eq!(all.iter().map(|group| group.step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for epoch in all.chunks(2) {
        let sizes = |group: &StepBatches| group.batches.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!([sizes(&epoch[0]), sizes(&epoch[1])], [vec![4, 4], vec![2]]);
        let mut examples: Vec<usize> = epoch.iter().flat_map(|group| group.batches.concat()).collect();
        examples.sort_unstable();
        assert_eq!(examples, (0..10).collect::<Vec<_>>());
    }
    for (done, steps) in (0..=6).zip(0..) {
        assert_eq!(Order::new(&trial, &lengths, steps..6).collect::<Vec<_>>(), all[done..]);
    }
    // Beyond the last step of the trial, for measurements.
    assert_eq!(Order::new(&trial, &lengths, 6..8).count(), 2);
    assert_eq!([1, 2, 3].map(|step| trial.steps.epoch(step)), [0.5, 1.0, 1.5]);
}

/// Records the events, requests the state at one step, and stops training at another.
#[derive(Default)]
struct Witness {
    state_of: Option<u64>,
    stop_at: Option<u64>,
    heard: Vec<String>,
}

impl Observer for Witness {
    fn wants_parameters(&mut self, evaluation: &EvaluationEvent<'_>) -> bool {
        evaluation.improved
    }

    fn wants_state(&mut self, boundary: &Boundary<'_>) -> bool {
        self.state_of == Some(boundary.step)
    }

    fn observe(&mut self, event: &Event<'_>) -> anyhow::Result<ControlFlow<Stop>> {
        self.heard.push(match event {
            Event::Started => "started".into(),
            Event::Step(step) => format!("step {}", step.step),
            Event::Log(row) => format!("log {}", row.step),
            Event::Evaluation(evaluation) => {
                assert!(!evaluation.improved || evaluation.parameters.is_some());
                assert_eq!(evaluation.best.at() == Some(evaluation.step), evaluation.improved);
                format!("evaluation {}", evaluation.step)
            }
            Event::Boundary(boundary) => {
                assert!(self.state_of != Some(boundary.step) || boundary.state.is_some());
                if self.stop_at == Some(boundary.step) {
                    return Ok(ControlFlow::Break(Stop::Interrupted { step: boundary.step }));
                }
                format!("boundary {}", boundary.step)
            }
            _ => return Ok(ControlFlow::Continue(())),
        });
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn events_come_in_order_and_any_observer_stops_training() {
    let bench = Bench::tiny();
    let settings = format!("{SETTINGS}[logging]\nevery = 2\n[evaluation]\nevery = 2\n");
    let trial = bench.trial(&settings);
    let (examples, validation) = bench.encode(&trial);
    let (mut first, mut second) = (Witness { state_of: Some(2), ..Witness::default() }, Witness::default());
    second.stop_at = Some(3);
    let start = Start::Fresh(&bench.parameters());
    let flow = train(&trial, start, &examples, &validation, &device(), &mut [&mut first, &mut second]).unwrap();
    assert_eq!(flow, ControlFlow::Break(Stop::Interrupted { step: 3 }));
    if !device().is_gpu() {
        let expected = ["started", "step 1", "boundary 1", "step 2", "log 2", "evaluation 2", "boundary 2", "step 3"];
        assert_eq!(second.heard, expected);
    }
    // Whichever observer stops training, all of them get the event.
    assert_eq!(first.heard.last().unwrap(), "boundary 3");
}

/// A checkpoint contains all that prediction needs: no trial, optimizer or target is required.
#[test]
fn a_written_checkpoint_alone_predicts_what_its_run_did() {
    let shell = sound();
    let done = shell.gluepot(&["run", "x.toml", "--quiet"]);
    assert_eq!(done.code, 0, "{done:?}");
    let run = shell.run();
    let name = std::fs::read_to_string(run.join("checkpoints/best")).unwrap();
    let bench = Bench::new("mrpc", &run.join("checkpoints").join(name.trim()), &project("experiments/quickstart"));
    let device = Device::cpu();
    let model = load_model(
        &bench.architecture,
        &bench.wanted,
        &bench.parameters(),
        bench.architecture.longest(),
        Precision::Fp32,
        &device,
    )
    .unwrap();
    let mut examples = bench.tokens().encode(&bench.validation[..32], bench.architecture.longest()).unwrap();
    for example in &mut examples {
        example.target = None;
    }
    let padding = BatchLayout::in_model(&bench.architecture);
    let batch_size = Data::default().eval_batch_size;
    let outputs = predict(&model, &examples, batch_size, padding, &device).unwrap();
    let mut written = csv::Reader::from_path(run.join("predictions/validation.csv")).unwrap();
    let written: Vec<Vec<String>> =
        written.records().map(|row| row.unwrap().iter().skip(3).map(String::from).collect()).collect();
    let predicted: Vec<Vec<String>> =
        outputs.into_iter().map(|output| output.probabilities().iter().map(ToString::to_string).collect()).collect();
    assert_eq!(predicted, written);
}
