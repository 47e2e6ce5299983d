use super::*;
use crate::architecture::Architecture;

fn parse(changes: &serde_json::Value) -> Result<ModernBertConfig> {
    let mut all = serde_json::json!({"model_type": MODEL_TYPE});
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    match Architecture::parse(&all.to_string())? {
        Architecture::ModernBert(config) => Ok(config),
        other => panic!("{other:?}"),
    }
}

/// The keys of answerdotai/ModernBERT-base, of mmBERT, and of what transformers 5 writes for them.
#[test]
fn earlier_keys_mean_the_same_as_todays() {
    let earlier = serde_json::json!({
        "global_attn_every_n_layers": 2, "num_hidden_layers": 3, "local_attention": 128, "global_rope_theta": 160_000.0,
        "local_rope_theta": 160_000.0, "layer_norm_eps": 1e-9, "norm_eps": 1e-5, "position_embedding_type": "absolute",
        "classifier_pooling": "mean"
    });
    let today = serde_json::json!({
        "layer_types": ["full_attention", "sliding_attention", "full_attention"], "num_hidden_layers": 3, "local_attention": 128,
        "rope_parameters": {
            "full_attention": {"rope_theta": 160_000.0, "rope_type": "default"},
            "sliding_attention": {"rope_theta": 160_000.0, "rope_type": "default"}
        },
        "classifier_pooling": "mean"
    });
    let (earlier, today) = (parse(&earlier).unwrap(), parse(&today).unwrap());
    let span = |window| AttentionSpan { window, theta: 160_000.0 };
    assert_eq!(earlier.layer_types, [span(None), span(Some(64)), span(None)]);
    assert_eq!(earlier.layer_types, today.layer_types);
    assert_eq!((earlier.norm_eps, earlier.classifier_pooling), (today.norm_eps, today.classifier_pooling));
}

#[test]
fn the_defaults_are_those_of_transformers() {
    let config = parse(&serde_json::json!({})).unwrap();
    assert_eq!(config.layer_types.len(), 22);
    assert_eq!(config.layer_types[3], AttentionSpan { window: None, theta: 160_000.0 });
    assert_eq!(config.layer_types[4], AttentionSpan { window: Some(64), theta: 10_000.0 });
    assert_eq!((config.longest(), config.pad_token(), config.classifier_pooling), (8192, Some(50_283), Pooling::First));
    assert_eq!(config.dropout, DropoutProbabilities::uniform(0.0));
}

#[test]
fn what_is_not_supported_is_refused_by_its_key() {
    let refused = [
        serde_json::json!({"hidden_activation": "silu"}),
        serde_json::json!({"classifier_activation": "tanh"}),
        serde_json::json!({"norm_bias": true}),
        serde_json::json!({"mlp_bias": true}),
        serde_json::json!({"classifier_pooling": "max"}),
        serde_json::json!({"embedding_dropout": 0.1}),
        serde_json::json!({"hidden_size": 36, "num_attention_heads": 12}),
        serde_json::json!({"num_hidden_layers": 2, "layer_types": ["full_attention"]}),
        serde_json::json!({"num_hidden_layers": 1, "layer_types": ["chunked_attention"]}),
        serde_json::json!({"rope_parameters": {"full_attention": {"rope_type": "yarn", "rope_theta": 1e4}}}),
        serde_json::json!({"rope_scaling": {"type": "linear", "factor": 2.0}}),
        serde_json::json!({"local_rope_theta": "10000"}),
    ];
    let messages: Vec<String> = refused.iter().map(|changes| format!("{:#}", parse(changes).unwrap_err())).collect();
    insta::assert_snapshot!(messages.join("\n"));
}
