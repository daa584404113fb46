"""Using trained networks through ONNX Runtime."""
