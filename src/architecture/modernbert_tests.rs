use super::*;
use crate::architecture::shape::DropoutProbabilities;

fn parse(changes: &serde_json::Value) -> Result<(EncoderShape, ModernBert)> {
    ModernBert::parse(&ConfigFile::parse(&changes.to_string())?)
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
    let ((shape_then, earlier), (shape_today, today)) = (parse(&earlier).unwrap(), parse(&today).unwrap());
    let span = |window| AttentionSpan { window, theta: 160_000.0 };
    assert_eq!(earlier.layer_types, [span(None), span(Some(64)), span(None)]);
    assert_eq!(earlier.layer_types, today.layer_types);
    assert_eq!(earlier.classifier_pooling, today.classifier_pooling);
    assert_eq!((shape_then.layer_norm_eps, shape_today.layer_norm_eps), (1e-5, 1e-5));
}

#[test]
fn the_defaults_are_those_of_transformers() {
    let (shape, modernbert) = parse(&serde_json::json!({})).unwrap();
    assert_eq!(modernbert.layer_types.len(), 22);
    assert_eq!(modernbert.layer_types[3], AttentionSpan { window: None, theta: 160_000.0 });
    assert_eq!(modernbert.layer_types[4], AttentionSpan { window: Some(64), theta: 10_000.0 });
    assert_eq!((shape.max_position_embeddings, shape.pad_token_id), (8192, Some(50_283)));
    assert_eq!(modernbert.classifier_pooling, Pooling::First);
    assert_eq!(shape.dropout, DropoutProbabilities::uniform(0.0));
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
