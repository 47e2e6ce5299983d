//! The schema of experiment files: up to date, and accepting exactly the valid experiments.

use serde_json::{Value, json};

use crate::support::project;

fn stored() -> Value {
    serde_json::from_str(&std::fs::read_to_string(project("schemas/experiment.schema.json")).unwrap()).unwrap()
}

fn accepts(experiment: &str) -> bool {
    let instance: Value = serde_json::to_value(toml::from_str::<toml::Table>(experiment).unwrap()).unwrap();
    jsonschema::validator_for(&stored()).unwrap().is_valid(&instance)
}

#[test]
fn the_stored_schema_is_the_programs() {
    assert!(&stored() == gluepot::experiment::schema(), "write it anew: gluepot schema > schemas/experiment.schema.json");
    // The attributes of settings are not published: strict validators reject unknown keys.
    assert!(!stored().to_string().contains("\"x-"));
}

#[test]
fn it_accepts_every_shipped_experiment_and_each_names_it() {
    let mut count = 0;
    for entry in std::fs::read_dir(project("experiments")).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        assert!(text.starts_with("#:schema ../schemas/experiment.schema.json\n"), "{}", entry.path().display());
        assert!(accepts(&text), "{}", entry.path().display());
        count += 1;
    }
    assert!(count >= 3);
}

#[test]
fn it_accepts_every_setting_and_refuses_wrong_ones() {
    let five = "task = \"mrpc\"\ncheckpoint = \"x\"\nlearning_rate = 5e-5\nepochs = 3\nmetric = \"f1\"\n";
    for sound in [
        "",
        "name = \"a\"\nbase = \"b.toml\"\nseed = 0\ndevice = \"cuda:1\"\n",
        "[data]\nsource = \"hub\"\nbatch_size = 8\neval_batch_size = 32\nmax_length = 128\nshuffle = true\ngroup_by_length = false\ntrain_limit = 5\neval_limit = 5\n",
        "[model]\ndropout = 0\ninitialize = \"random\"\n",
        "[loss]\nlabel_smoothing = 0.1\nclass_weights = \"balanced\"\n",
        "[loss]\nclass_weights = { a = 2, \"b c\" = 0.5 }\n[sweep.axes]\n\"loss.class_weights\" = [\"none\", { a = 1.0 }]\n",
        "[optimizer]\nweight_decay = 0\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-8\nmax_grad_norm = 1.0\nno_decay = [\"bias\", \"LayerNorm\"]\n",
        "[schedule]\nkind = \"cosine\"\nwarmup_ratio = 0.1\n",
        "[training]\ngradient_accumulation = 4\nprecision = \"bf16\"\nmax_steps = 100\n",
        "[evaluation]\nevery = 100\n[checkpoints]\nkeep = [\"best\", \"last\", 2]\n[logging]\nevery = 1\n",
        "[evaluation]\nevery = \"epoch\"\n[checkpoints]\nkeep = 3\n",
    ] {
        assert!(accepts(&format!("{five}{sound}")), "{sound}");
    }
    for wrong in [
        "lr = 1\n",
        "seed = -1\n",
        "device = \"gpu\"\n",
        "[data]\nbatch_size = 0\n",
        "[data]\nbatch_size = 1.5\n",
        "[data]\nsource = 1\n",
        "[model]\ndropout = 1.0\n",
        "[loss]\nlabel_smoothing = 1\n",
        "[loss]\nclass_weights = \"even\"\n",
        "[loss]\nclass_weights = { a = 0 }\n",
        "[optimizer]\nepsilon = 0\n",
        "[optimizer]\nno_decay = \"bias\"\n",
        "[schedule]\nkind = \"step\"\n",
        "[schedule]\nwarmup_ratio = 1.1\n",
        "[training]\nprecision = \"fp16\"\n",
        "[evaluation]\nevery = \"step\"\n",
        "[evaluation]\nevery = 0\n",
        "[checkpoints]\nkeep = [\"worst\"]\n",
        "[logging]\nevery = 0\n",
        "[sweeping]\n",
    ] {
        assert!(!accepts(&format!("{five}{wrong}")), "{wrong}");
    }
    assert!(!accepts(&five.replace("task = \"mrpc\"\n", "")));
}

/// gluepot's own check and a general validator agree on every value.
#[test]
fn the_programs_check_agrees_with_a_validator() {
    use figment::value::Value as Figment;
    let schema = gluepot::experiment::schema();
    let validator = jsonschema::validator_for(schema).unwrap();
    let five = json!({ "task": "mrpc", "checkpoint": "x", "learning_rate": 5e-5, "epochs": 3, "metric": "f1" });
    let values = [
        json!(0),
        json!(1),
        json!(-1),
        json!(0.5),
        json!(1.0),
        json!(1e-9),
        json!(""),
        json!("x"),
        json!("epoch"),
        json!("best"),
        json!("auto"),
        json!("linear"),
        json!(true),
        json!([]),
        json!(["best", 2]),
        json!(["x"]),
        json!([1.5]),
        json!({ "x": 1.5 }),
        json!({ "x": 0, "y": 2 }),
    ];
    let mut compared = 0;
    for (key, property) in schema["properties"].as_object().unwrap() {
        let definition = property.get("$ref").and_then(|r| schema.pointer(r.as_str().unwrap().trim_start_matches('#')));
        let tables = definition.and_then(|definition| definition["properties"].as_object());
        let paths: Vec<(String, Option<&String>)> = match tables {
            Some(inner) => inner.keys().map(|inner| (key.clone(), Some(inner))).collect(),
            None => vec![(key.clone(), None)],
        };
        for (key, inner) in paths {
            for value in &values {
                let mut experiment = five.clone();
                experiment[&key] = inner.map_or_else(|| value.clone(), |inner| json!({ inner: value }));
                let dict = Figment::serialize(&experiment).unwrap().into_dict().unwrap();
                let refused = !gluepot::experiment::check(&dict, schema).is_empty();
                // A validator accepts 1.0 as an integer; TOML distinguishes the two, and so does this program.
                if *value != json!(1.0) {
                    assert_eq!(!refused, validator.is_valid(&experiment), "{key}.{inner:?} = {value}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 400);
}
