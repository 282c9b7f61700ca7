use candle_core::Device;

use super::*;

fn tensor(first: f32, shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| first + i as f32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("shape")
}

#[test]
fn translates_other_spellings() {
    for (found, wanted) in [
        ("blocks.3.scale_shift_table", "blocks.3.shift_scale_gate_table"),
        ("base_model.blocks.0.scale_shift_table", "base_model.blocks.0.shift_scale_gate_table"),
        ("controlnet.2.copied_block.scale_shift_table", "controlnet.2.copied_block.shift_scale_gate_table"),
        ("final_layer.scale_shift_table", "final_layer.shift_scale_table"),
        ("final_layer.shift_scale_table", "final_layer.shift_scale_table"),
        ("encoder.mid_block.attentions.0.query.weight", "encoder.mid_block.attentions.0.to_q.weight"),
        ("decoder.mid_block.attentions.0.proj_attn.bias", "decoder.mid_block.attentions.0.to_out.0.bias"),
        ("decoder.mid_block.attentions.0.to_v.bias", "decoder.mid_block.attentions.0.to_v.bias"),
        ("encoder.embed_tokens.weight", "shared.weight"),
        ("blocks.0.cross_attn.q_linear.weight", "blocks.0.cross_attn.q_linear.weight"),
    ] {
        assert_eq!(official_name(found), wanted);
    }
}

#[test]
fn one_by_one_convolutions_become_matrices() {
    let file = BTreeMap::from([
        ("encoder.mid_block.attentions.0.key.weight".to_owned(), tensor(0.0, &[3, 3, 1, 1])),
        ("encoder.mid_block.resnets.0.conv_shortcut.weight".to_owned(), tensor(0.0, &[3, 3, 1, 1])),
    ]);
    let map = official(file).expect("no clash");
    let matrix = &map["encoder.mid_block.attentions.0.to_k.weight"];
    assert_eq!(matrix.to_vec2::<f32>().expect("matrix"), [[0., 1., 2.], [3., 4., 5.], [6., 7., 8.]]);
    assert_eq!(map["encoder.mid_block.resnets.0.conv_shortcut.weight"].dims(), [3, 3, 1, 1], "a real convolution stays");
}

#[test]
fn a_tensor_under_two_names_is_kept_once_if_equal() {
    let file = |second| {
        BTreeMap::from([
            ("shared.weight".to_owned(), tensor(1.0, &[4, 2])),
            ("encoder.embed_tokens.weight".to_owned(), tensor(second, &[4, 2])),
        ])
    };
    assert_eq!(official(file(1.0)).expect("equal").keys().collect::<Vec<_>>(), ["shared.weight"]);
    let refused = official(file(2.0)).expect_err("different").to_string();
    assert!(refused.contains("shared.weight") && refused.contains("embed_tokens"), "{refused}");
}
