import http from "node:http";

http
  .createServer((request, response) => response.end(`${process.env.GREETING} ${request.url}`))
  .listen(process.env.PORT, process.env.HOST, () => console.log("it listens"));
