//! A picture through the autoencoder and back: what the network can see of it at most.

use super::{Error, Pipeline};
use crate::domain::GrayImage;

impl Pipeline {
    /// Encodes a grey picture of the model's size and decodes it again; the mean, so nothing is drawn.
    ///
    /// # Errors
    /// When the picture has another size than the model's, or a tensor operation fails.
    pub fn round_trip(&self, picture: &GrayImage) -> Result<GrayImage, Error> {
        let size = self.card.size_px;
        if (picture.width(), picture.height()) != (size, size) {
            return Err(Error::ImageSize { width: picture.width(), height: picture.height(), size });
        }
        let mut autoencoder = None;
        let there = self.encode_image(picture, &mut autoencoder)?;
        self.picture_of(self.autoencoder.get_into(&mut autoencoder)?.as_ref(), &there)
            .map_err(|error| error.on_device(&self.budget.device, 1))
    }
}
