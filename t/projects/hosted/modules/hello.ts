// A module of the hosted product. Nothing here is read.
export default async function () { return "hello"; }
