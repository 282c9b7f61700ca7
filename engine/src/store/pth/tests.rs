use std::io::Write as _;
use std::path::PathBuf;

use candle_core::{DType, Tensor};

use super::super::weights::{WeightsError, load};
use super::*;

/// Writes a pickle of protocol 2 with the instructions that PyTorch uses.
#[derive(Default)]
struct Pickle(Vec<u8>);

impl Pickle {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn text(self, text: &str) -> Self {
        let length = (text.len() as u32).to_le_bytes();
        self.raw(b"X").raw(&length).raw(text.as_bytes())
    }
    fn int(self, value: usize) -> Self {
        self.raw(b"J").raw(&(value as u32).to_le_bytes())
    }
    fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }
    fn ints(self, values: &[usize]) -> Self {
        values.iter().fold(self.raw(b"("), |pickle, &value| pickle.int(value)).raw(b"t")
    }
    /// A tensor over block `key` of `count` numbers.
    fn tensor(self, class: &str, key: &str, count: usize, offset: usize, shape: &[usize], stride: &[usize]) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", class)
            .text(key)
            .text("cpu")
            .int(count)
            .raw(b"tQ")
            .int(offset)
            .ints(shape)
            .ints(stride)
            .raw(b"\x89")
            .global("collections", "OrderedDict")
            .raw(b")RtR")
    }
    fn end(mut self) -> Vec<u8> {
        self.0.push(b'.');
        self.0
    }
}

/// A checkpoint with the given blocks, as torch.save lays it out.
fn checkpoint(dir: &tempfile::TempDir, pickle: Vec<u8>, blocks: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = dir.path().join("checkpoint.pth");
    let mut zip = zip::ZipWriter::new(File::create(&path).expect("creates"));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut part = |name: String, content: &[u8]| {
        zip.start_file(name, stored).expect("starts");
        zip.write_all(content).expect("writes");
    };
    part("archive/data.pkl".into(), &pickle);
    part("archive/byteorder".into(), b"little");
    for (key, content) in blocks {
        part(format!("archive/data/{key}"), content);
    }
    part("archive/version".into(), b"3\n");
    zip.finish().expect("finishes");
    path
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).and_then(|t| t.flatten_all()?.to_vec1()).expect("numbers")
}

fn refused(result: Result<BTreeMap<String, Tensor>, WeightsError>) -> String {
    result.expect_err("unusable").to_string()
}

/// `{state_dict: {module.w, module.t}, state_dict_ema: the same object, optimizer: {...}, epoch: 3}`.
fn nested() -> Vec<u8> {
    Pickle::new()
        .raw(b"}(")
        .text("state_dict")
        .global("collections", "OrderedDict")
        .raw(b")Rq\x07(")
        .text("module.w")
        .tensor("FloatStorage", "0", 6, 0, &[2, 3], &[3, 1])
        .text("module.t")
        .tensor("FloatStorage", "0", 6, 0, &[3, 2], &[1, 3])
        .raw(b"u}")
        .text("_metadata")
        .raw(b"}sb")
        .text("state_dict_ema")
        .raw(b"h\x07")
        .text("args")
        .global("argparse", "Namespace")
        .raw(b")\x81}")
        .text("lr")
        .raw(b"G\x3f\xf0\0\0\0\0\0\0sb")
        .text("optimizer")
        .raw(b"}")
        .text("state")
        .raw(b"}")
        .int(0)
        .raw(b"}")
        .text("exp_avg")
        .tensor("FloatStorage", "1", 1, 0, &[1], &[1])
        .raw(b"sss")
        .text("epoch")
        .int(3)
        .raw(b"u")
        .end()
}

#[test]
fn a_dictionary_stored_twice_is_read_both_times() {
    let dir = tempfile::tempdir().expect("folder");
    let path = checkpoint(&dir, nested(), &[("0", f32s(&[1., 2., 3., 4., 5., 6.])), ("1", f32s(&[9.]))]);
    for select in [Some("state_dict"), Some("state_dict_ema"), None] {
        let map = load(&path, select).expect("reads");
        assert_eq!(map.keys().collect::<Vec<_>>(), ["t", "w"], "prefix module. removed");
        assert_eq!(values(&map["w"]), [1., 2., 3., 4., 5., 6.]);
        assert_eq!(map["t"].dims(), [3, 2]);
        assert_eq!(values(&map["t"]), [1., 4., 2., 5., 3., 6.], "a transposed view of the same block");
    }
    let missing = refused(load(&path, Some("ema")));
    assert!(missing.contains("ema") && missing.contains("state_dict, state_dict_ema"), "{missing}");
    assert!(refused(load(&path, Some("epoch"))).contains("no dictionary of tensors named epoch"));
    assert!(refused(load(&path, Some("args"))).contains("named args"));
}

#[test]
fn dotted_paths_reach_deep_and_a_level_too_high_is_refused() {
    let dir = tempfile::tempdir().expect("folder");
    let deep = Pickle::new()
        .raw(b"}")
        .text("a.b")
        .raw(b"}")
        .text("c")
        .raw(b"}")
        .text("x.weight")
        .tensor("HalfStorage", "0", 4, 1, &[2], &[2])
        .raw(b"sss")
        .end();
    let halves: Vec<u8> = [1.0f32, 2., 3., 4.].iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect();
    let path = checkpoint(&dir, deep, &[("0", halves)]);
    for select in [Some("a.b.c"), None] {
        let map = load(&path, select).expect("reads");
        assert_eq!(values(&map["x.weight"]), [2., 4.], "offset 1, every second");
        assert_eq!(map["x.weight"].dtype(), DType::F16);
    }
    assert!(refused(load(&path, Some("a.b"))).contains("a.b.c"));
}

#[test]
fn every_number_type_is_read() {
    let dir = tempfile::tempdir().expect("folder");
    let cases: [(&str, Vec<u8>, DType, f32); 9] = [
        ("DoubleStorage", (-1.5f64).to_le_bytes().to_vec(), DType::F64, -1.5),
        ("FloatStorage", (-1.5f32).to_le_bytes().to_vec(), DType::F32, -1.5),
        ("HalfStorage", half::f16::from_f32(-1.5).to_le_bytes().to_vec(), DType::F16, -1.5),
        ("BFloat16Storage", half::bf16::from_f32(-1.5).to_le_bytes().to_vec(), DType::BF16, -1.5),
        ("LongStorage", (-7i64).to_le_bytes().to_vec(), DType::I64, -7.),
        ("IntStorage", (-7i32).to_le_bytes().to_vec(), DType::I32, -7.),
        ("ShortStorage", (-7i16).to_le_bytes().to_vec(), DType::I16, -7.),
        ("CharStorage", vec![0xf9], DType::I64, -7.),
        ("BoolStorage", vec![1], DType::U8, 1.),
    ];
    for (class, block, dtype, expected) in cases {
        let pickle = Pickle::new().raw(b"}").text("x").tensor(class, "0", 1, 0, &[], &[]).raw(b"s").end();
        let map = load(&checkpoint(&dir, pickle, &[("0", block)]), None).expect(class);
        assert_eq!(map["x"].dtype(), dtype, "{class}");
        let value: f64 = map["x"].to_dtype(DType::F64).and_then(|t| t.to_scalar()).expect("one number");
        assert_eq!(value as f32, expected, "{class}");
    }
    let odd = Pickle::new().raw(b"}").text("x").tensor("ComplexFloatStorage", "0", 1, 0, &[], &[]).raw(b"s").end();
    let sentence = refused(load(&checkpoint(&dir, odd, &[("0", vec![0; 8])]), None));
    assert!(sentence.contains("tensor x") && sentence.contains("ComplexFloatStorage"), "{sentence}");
}

#[test]
fn parameters_and_expanded_views_are_tensors() {
    let dir = tempfile::tempdir().expect("folder");
    let pickle = Pickle::new()
        .raw(b"}(")
        .text("p")
        .global("torch._utils", "_rebuild_parameter")
        .raw(b"(")
        .tensor("FloatStorage", "0", 2, 0, &[2], &[1])
        .raw(b"\x88")
        .global("collections", "OrderedDict")
        .raw(b")RtR")
        .text("wide")
        .tensor("FloatStorage", "0", 2, 0, &[3, 2], &[0, 1])
        .text("empty")
        .tensor("FloatStorage", "0", 2, 0, &[0, 5], &[5, 1])
        .raw(b"u")
        .end();
    let map = load(&checkpoint(&dir, pickle, &[("0", f32s(&[1., 2.]))]), None).expect("reads");
    assert_eq!(values(&map["p"]), [1., 2.]);
    assert_eq!(values(&map["wide"]), [1., 2., 1., 2., 1., 2.]);
    assert_eq!(map["empty"].dims(), [0, 5]);
}

#[test]
fn nothing_in_a_file_is_run() {
    // os.system("…") as an attacker would write it: an inert placeholder beside the tensor.
    let dir = tempfile::tempdir().expect("folder");
    let mark = dir.path().join("executed");
    let pickle = Pickle::new()
        .raw(b"}(")
        .text("evil")
        .global("os", "system")
        .raw(b"(")
        .text(&format!("touch {}", mark.display()))
        .raw(b"tR")
        .text("x")
        .tensor("FloatStorage", "0", 1, 0, &[1], &[1])
        .raw(b"u")
        .end();
    let map = load(&checkpoint(&dir, pickle, &[("0", f32s(&[1.]))]), None).expect("reads");
    assert_eq!(map.len(), 1);
    assert!(!mark.exists());
}

#[test]
fn impossible_views_and_blocks_are_refused() {
    let dir = tempfile::tempdir().expect("folder");
    let one = |count, offset, shape: &[usize], stride: &[usize]| {
        Pickle::new().raw(b"}").text("x").tensor("FloatStorage", "0", count, offset, shape, stride).raw(b"s").end()
    };
    let block = || vec![("0", f32s(&[1., 2.]))];
    for pickle in [one(2, 1, &[2], &[1]), one(2, 0, &[2], &[2]), one(2, 0, &[2_000_000_000, 2_000_000_000], &[0, 0])] {
        assert!(refused(load(&checkpoint(&dir, pickle, &block()), None)).contains("reaches out"));
    }
    assert!(refused(load(&checkpoint(&dir, one(3, 0, &[2], &[1]), &block()), None)).contains("8 bytes instead of 12"));
    assert!(refused(load(&checkpoint(&dir, one(2, 0, &[2], &[1]), &[]), None)).contains("missing"));
    assert!(refused(load(&checkpoint(&dir, b"\x80\x02}".to_vec(), &block()), None)).contains("cut off"));
    assert!(refused(load(&checkpoint(&dir, b"\x80\x02\xff.".to_vec(), &block()), None)).contains("0xff at byte 2"));
    assert!(refused(load(&checkpoint(&dir, Pickle::new().raw(b"}").end(), &block()), None)).contains("no tensors"));
}

#[test]
fn a_choice_is_left_to_the_user_and_a_loop_ends() {
    let dir = tempfile::tempdir().expect("folder");
    let two = Pickle::new()
        .raw(b"}(")
        .text("net_a")
        .raw(b"}")
        .text("x")
        .tensor("FloatStorage", "0", 1, 0, &[1], &[1])
        .raw(b"s")
        .text("net_b")
        .raw(b"}q\x01(")
        .text("x")
        .tensor("FloatStorage", "0", 1, 0, &[1], &[1])
        .raw(b"uu")
        .end();
    assert!(refused(load(&checkpoint(&dir, two, &[("0", f32s(&[1.]))]), None)).contains("net_a, net_b"));
    // A dictionary that contains itself.
    let round = Pickle::new().raw(b"}q\x01").text("me").raw(b"h\x01s").end();
    assert!(load(&checkpoint(&dir, round, &[]), None).is_err());
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_pickle_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _tree_or_not = pickle::parse(&bytes);
        }

        #[test]
        fn no_damage_panics(at in 0usize..100_000, value: u8, cut in 0usize..100_000) {
            let mut bytes = nested();
            let (at, cut) = (at % bytes.len(), cut % bytes.len());
            bytes[at] = value;
            if let Ok(tree) = pickle::parse(&bytes) {
                let _chosen_or_not = choose(&tree, None);
                for (_, id) in dictionaries(&tree) {
                    for (name, value) in tree.entries(id) {
                        if let Some(Node::Tensor(view)) = tree.node(value)
                            && let Ok(element) = element(name, view)
                        {
                            let _cut_or_not = cut_out(name, view, element, &f32s(&[1., 2., 3., 4., 5., 6.]));
                        }
                    }
                }
            }
            bytes.truncate(cut);
            let _tree_or_not = pickle::parse(&bytes);
        }
    }
}
