// Serves gradients: POST an image, get the gradient of a class's logit with respect to it. The gradient is an ONNX file like
// any other: igd writes it once, and here onnxruntime computes it, without igd.
//
//     node examples/library/gradient-server.mjs [checkpoint]
//
// It says where it listens. An image is little-endian float32, [C, H, W] in [0, 1], and so is the gradient:
//
//     curl --data-binary @image.f32 'http://127.0.0.1:PORT/?class=3' -o gradient.f32
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { gradientModel, openModel } from 'igd';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const demo = fileURLToPath(new URL('../demo/shapes10-rn18-w8.pt', import.meta.url));
const model = await openModel(process.argv[2] ?? demo);
const { classes, imageShape } = model;
const session = await InferenceSession.create(await gradientModel(model));
await model.release();

const imageBytes = 4 * imageShape.reduce((product, size) => product * size);

/** The gradient of one class's logit is the product of the Jacobian with that class's unit vector. */
async function gradientOf(image, category) {
  const cotangent = new Float32Array(classes);
  cotangent[category] = 1;
  const { gradient } = await session.run({
    x: new Tensor('float32', image, [1, ...imageShape]),
    cotangent: new Tensor('float32', cotangent, [1, classes]),
  });
  return gradient.data;
}

/** The body of a request; undefined where it is not one image. */
async function readImage(request) {
  const bytes = new Uint8Array(imageBytes);
  let length = 0;
  for await (const chunk of request) {
    if (length + chunk.length > imageBytes) return undefined;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return length === imageBytes ? new Float32Array(bytes.buffer) : undefined;
}

const server = createServer(async (request, response) => {
  const refuse = (status, reason) => response.writeHead(status, { connection: 'close' }).end(`${reason}\n`);
  try {
    if (request.method !== 'POST') return refuse(405, 'POST an image');
    const category = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('class') ?? Number.NaN);
    if (!Number.isInteger(category) || category < 0 || category >= classes)
      return refuse(400, `say which class: ?class=0 to ?class=${classes - 1}`);
    const image = await readImage(request);
    if (image === undefined) return refuse(400, `an image is ${imageBytes} bytes: float32 [${imageShape.join(', ')}]`);
    const { buffer, byteOffset, byteLength } = await gradientOf(image, category);
    response.setHeader('content-type', 'application/octet-stream');
    return response.end(new Uint8Array(buffer, byteOffset, byteLength));
  } catch (error) {
    console.error(error);
    return refuse(500, 'the gradient could not be computed');
  }
});

// Port 0: any that is free. Nobody from another machine can connect.
server.listen(0, '127.0.0.1', () => {
  console.log(`gradients of ${model.architecture}: POST to http://127.0.0.1:${server.address().port}/?class=0`);
});
