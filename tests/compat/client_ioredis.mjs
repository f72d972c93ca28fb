// Runs the cases with ioredis: node client_ioredis.mjs plain|cluster PORT MODULES < steps
// Settings are the client's own; commands go through call(), and some idioms through methods.
import {createRequire} from 'node:module';
import assert from 'node:assert';
import {readFileSync} from 'node:fs';

const [mode, port, modules] = process.argv.slice(2);
const {Redis, Cluster} = createRequire(modules + '/')('ioredis');
const steps = JSON.parse(readFileSync(0, 'utf8'));
const client = mode === 'cluster' ? new Cluster([{host: '127.0.0.1', port: Number(port)}])
                                  : new Redis({host: '127.0.0.1', port: Number(port)});
client.on('error', (error) => console.error(String(error)));

async function runStep(step) {
    try {
        if (step.send)
            return await client.call(...step.send);
        const [name, ...options] = step.scan;
        const found = new Set();
        let cursor = '0';
        do {
            const [next, keys] = await client.call(name, cursor, ...options);
            keys.forEach((key) => found.add(key));
            cursor = String(next);
        } while (cursor !== '0');
        return [...found];
    } catch (error) {
        return {error: error.message};
    }
}

async function idioms() {
    assert.equal(await client.set('{i}a', '1', 'EX', 100), 'OK');
    assert.equal(await client.get('{i}a'), '1');
    assert.equal(await client.mset({'{i}b': '2', '{i}c': '3'}), 'OK');
    assert.deepEqual(await client.mget('{i}a', '{i}b', '{i}c'), ['1', '2', '3']);
    const pipeline = client.pipeline();
    for (let i = 0; i < 100; i++)
        pipeline.set(`{i}pipe:${i}`, i);
    for (let i = 0; i < 100; i++)
        pipeline.get(`{i}pipe:${i}`);
    const replies = await pipeline.exec();
    replies.forEach(([error]) => assert.equal(error, null));
    assert.equal(replies[199][1], '99');
    for (let i = 0; i < 100; i++)
        await client.del(`{i}pipe:${i}`);
    assert.equal(await client.del('{i}a', '{i}b', '{i}c'), 3);
}

const replies = [];
for (const step of steps)
    replies.push((await runStep(step)) ?? null);
await idioms();
console.log(JSON.stringify(replies));
client.disconnect();
