"""What makes a release: version and changelog, wheels, images, bill of materials, audit."""
