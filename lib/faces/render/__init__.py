"""Rendered people: ICT-FaceKit's face model, painted, lit and photographed."""
