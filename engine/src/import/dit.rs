//! The released checkpoint of the diffusion transformer.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::DType;

use super::convert::Source;
use super::{ImportError, ImportRequest};
use crate::model::detect::{Detected, detect};
use crate::model::{Base, control_params, dit_params, names};
use crate::store::weights::TensorFile;

/// An open checkpoint whose tensors are those of a network.
pub(super) struct DitPart {
    pub(super) detected: Detected,
    pub(super) source: Source,
}

impl DitPart {
    /// Opens the checkpoint and tells its sizes.
    pub(super) fn open(path: &Path, request: &ImportRequest) -> Result<Self, ImportError> {
        let select = request.state_dict.as_deref();
        let file = TensorFile::open(path, select)?.translated(names::official_name, names::official_shape)?;
        let name = file.file().to_owned();
        let shapes: BTreeMap<String, Vec<usize>> =
            file.infos().map(|(name, info)| (name.to_owned(), info.shape.clone())).collect();
        let detected =
            detect(&shapes, request.heads).map_err(|source| ImportError::NoTransformer { file: name.clone(), source })?;
        let list = match detected.control_blocks {
            0 => dit_params(&detected.config)?,
            blocks => control_params(&detected.config, blocks, Base::Frozen)?,
        };
        let expected: Vec<_> = list.into_iter().map(|param| (param.name, param.shape)).collect();
        let select = request.state_dict.clone();
        let mut source = Source::checked(vec![(path.to_owned(), file)], &expected, &name, select, None)?;
        let mut detected = detected;
        if let Source::Tensors { files, .. } = &mut source
            && let Some((_, file)) = files.first_mut()
        {
            let table = file.read_f32(detected.position_table())?.to_dtype(DType::F32)?;
            detected = detected.with_position_scale(&table.flatten_all()?.to_vec1()?);
        }
        Ok(Self { detected, source })
    }
}
